package config

import (
	"encoding/json"
	"fmt"
)

// Schema returns the JSON Schema of the file, for editors. It says what [Load]
// checks.
func Schema() []byte {
	settings := map[string]json.RawMessage{}
	for _, k := range keys {
		settings[k.Name] = k.schema()
	}
	profile := object(settings, "settings that are laid over the others by --profile")
	all := map[string]json.RawMessage{
		"version": raw(map[string]any{"const": Version, "description": "the version of this file's format"}),
		"profiles": raw(map[string]any{
			"type": "object", "additionalProperties": profile, "description": "named sets of settings",
		}),
	}
	for name, s := range settings {
		all[name] = s
	}
	schema := object(all, "The configuration of Cortex Host.")
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["$id"] = "https://github.com/cortexlinux/cortex-host/core/config/cortex-host.schema.json"
	schema["title"] = "Cortex Host configuration"
	return raw(schema)
}

// schema is the key's, with its help.
func (k Key) schema() json.RawMessage {
	var s map[string]json.RawMessage
	if err := json.Unmarshal([]byte(k.Schema), &s); err != nil {
		panic(fmt.Sprintf("config: schema of %s: %v", k.Name, err)) // a constant of this package, tested
	}
	s["description"] = raw(k.Usage)
	if k.Default != "" {
		if value := json.RawMessage(k.Default); json.Valid(value) {
			s["default"] = value
		} else {
			s["default"] = raw(k.Default)
		}
	}
	return raw(s)
}

func object(properties map[string]json.RawMessage, description string) map[string]any {
	return map[string]any{"type": "object", "additionalProperties": false, "properties": properties, "description": description}
}

// raw is the JSON of a value that always has one.
func raw(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("config: %v", err))
	}
	return data
}
