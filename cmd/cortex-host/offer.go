package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/cortexlinux/cortex-host/core/config"
	"github.com/cortexlinux/cortex-host/core/store"
	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider"
)

// An offer is one provider that can be asked for by name: a plugin, or one of
// its presets.
type offer struct {
	name   string
	plugin store.Plugin
	about  sdk.Description
	preset *sdk.Preset // nil: the plugin itself
	// instance is what the configuration says of it.
	instance config.Instance
	// reattach is where the plugin listens if somebody else started it.
	reattach *provider.Reattach
}

// offers returns what a plugin offers: itself, then its presets.
func offers(p store.Plugin, about sdk.Description) []offer {
	list := []offer{{name: p.Name, plugin: p, about: about}}
	for i := range about.Presets {
		list = append(list, offer{name: about.Presets[i].Name, plugin: p, about: about, preset: &about.Presets[i]})
	}
	return list
}

func (o *offer) summary() string {
	if o.preset != nil {
		return o.preset.Summary
	}
	return o.about.Summary
}

func (o *offer) free() bool {
	if o.preset != nil {
		return o.preset.Free
	}
	return o.about.Free
}

// local reports whether the offer stays on this machine, given its settings: a
// base URL says more than a declaration.
func (o *offer) local(s sdk.Settings) bool {
	var base string
	if raw, ok := s[baseURL]; ok && json.Unmarshal(raw, &base) == nil {
		return loopback(base)
	}
	if o.preset != nil {
		return o.preset.Local
	}
	return o.about.Local
}

const baseURL = "base_url"

// loopback reports whether a base URL is on this machine. Without a scheme it
// may be host:port.
func loopback(base string) bool {
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	u, err := url.Parse(base)
	if err != nil {
		return false
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && (addr.Unmap().IsLoopback() || addr.IsUnspecified())
}

// A property is one setting of a plugin, as its schema describes it.
type property struct {
	Type        schemaType      `json:"type"`
	Description string          `json:"description"`
	Default     json.RawMessage `json:"default"`
	Secret      bool            `json:"x-secret"`
	Env         names           `json:"x-env"`
	// File says that the value is the path of a file that the plugin reads.
	File bool `json:"x-file"`
}

// names are one name or a list of them.
type names []string

// UnmarshalJSON reads either form.
func (n *names) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*n = names{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(n))
}

// schemaType is one type or a list of them.
type schemaType = names

// properties returns the plugin's settings by name.
func (o *offer) properties() (map[string]property, error) {
	var schema struct {
		Properties map[string]property `json:"properties"`
	}
	if len(o.about.ConfigSchema) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(o.about.ConfigSchema, &schema); err != nil {
		return nil, fmt.Errorf("provider %s: its configuration schema cannot be read: %w", o.name, err)
	}
	return schema.Properties, nil
}

// variables returns the environment variables that a setting is read from. A
// preset that sets a property itself does not take it from a variable which is
// about somebody else.
func (o *offer) variables(name string, p property) []string {
	if o.preset != nil {
		if own, ok := o.preset.Env[name]; ok {
			return own
		}
		if _, ok := o.preset.Values[name]; ok {
			return nil
		}
	}
	return p.Env
}

// settings gathers what Configure gets: explicit values, else variables, else
// the preset's values. The rest is left to the plugin's defaults.
func (o *offer) settings(explicit sdk.Settings, env func(string) (string, bool)) (sdk.Settings, error) {
	properties, err := o.properties()
	if err != nil {
		return nil, err
	}
	out := sdk.Settings{}
	if o.preset != nil {
		for name, value := range o.preset.Values {
			out[name] = value
		}
	}
	for name, p := range properties {
		for _, variable := range o.variables(name, p) {
			if value, ok := env(variable); ok && value != "" {
				out[name] = p.json(value)
				break
			}
		}
	}
	for name, value := range explicit {
		if _, ok := properties[name]; !ok {
			hint := "`cortex-host provider describe " + o.name + "` shows its settings"
			if near := config.Nearest(name, sortedKeys(properties)); near != "" {
				hint = "did you mean " + near + "? " + hint
			}
			return nil, usagef(hint, "provider %s has no setting %q", o.name, name)
		}
		out[name] = value
	}
	return out, nil
}

// json turns the text of a variable into what the property wants.
func (p property) json(text string) json.RawMessage {
	wantsText := len(p.Type) == 0 || slices.Contains(p.Type, "string")
	if !wantsText && json.Valid([]byte(text)) {
		return json.RawMessage(text)
	}
	return quoteJSON(text)
}

// keys returns the variables of the offer's secrets, the set one first, and
// whether one is set.
func (o *offer) keys(env func(string) (string, bool)) (variables []string, set bool) {
	properties, err := o.properties()
	if err != nil {
		return nil, false
	}
	for _, name := range sortedKeys(properties) {
		p := properties[name]
		if !p.Secret || slices.Contains(p.Type, "object") { // headers, say
			continue
		}
		for _, variable := range o.variables(name, p) {
			if value, ok := env(variable); ok && value != "" {
				return append([]string{variable}, variables...), true
			}
			variables = append(variables, variable)
		}
	}
	return variables, false
}

// model returns the model that is asked where nobody names one: the plugin's
// own default. It is what prices are looked up by.
func (o *offer) model(s sdk.Settings) string {
	raw, ok := s["model"]
	if !ok {
		properties, err := o.properties()
		if err != nil {
			return ""
		}
		raw = properties["model"].Default
	}
	var model string
	if json.Unmarshal(raw, &model) != nil {
		return ""
	}
	return model
}

func quoteJSON(s string) json.RawMessage { return sdk.AppendString(nil, s) }
