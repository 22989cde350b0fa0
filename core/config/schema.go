package config

import (
	"encoding/json"
	"fmt"
)

const (
	providersSchema = `{"type":"object","description":"instances of providers, by a name of your own",
		"propertyNames":{"pattern":"^[a-z0-9][a-z0-9-]*$"},
		"additionalProperties":{"type":["object","null"],"additionalProperties":false,"properties":{
		"plugin":{"type":"string","description":"the plugin, or a preset of one; default: the instance's name"},
		"model":{"type":"string"},
		"settings":{"type":"object","description":"properties of the plugin's configuration; no secrets"},
		"keys":{"type":"array","description":"credentials that share the load; one of a file or a command is read once more when the vendor refuses it","items":{"type":"object","additionalProperties":false,
			"minProperties":1,"maxProperties":1,"properties":{"env":{"type":"string","minLength":1},"file":{"type":"string","minLength":1},
			"command":{"type":"array","minItems":1,"items":{"type":"string"}}}}},
		"grant":{"type":"object","description":"what the plugin may see of your ambient credentials","additionalProperties":false,"properties":{
			"env":{"type":"array","items":{"type":"string","minLength":1}},"files":{"type":"array","items":{"type":"string","minLength":1}}}},
		"max_concurrent":{"type":"integer","minimum":0},
		"requests_per_second":{"type":"number","minimum":0},
		"tokens_per_minute":{"type":"integer","minimum":0}}}}`
	routesSchema = `{"type":"object","description":"task type, or *, to instances in order of preference",
		"additionalProperties":{"type":"array","minItems":1,"items":{"type":"string","minLength":1}}}`
)

// SchemaURL is where [Schema] is published: it is cortex-host.schema.json beside
// this file.
const SchemaURL = "https://raw.githubusercontent.com/cortexlinux/cortex-host/main/core/config/cortex-host.schema.json"

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
	all["providers"] = json.RawMessage(providersSchema)
	all["routes"] = json.RawMessage(routesSchema)
	for name, s := range settings {
		all[name] = s
	}
	schema := object(all, "The configuration of Cortex Host.")
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["$id"] = SchemaURL
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
