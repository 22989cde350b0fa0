package provider

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/cortexlinux/cortex-host/sdk"
)

// schemaProperty is what the documentation tells of a property.
type schemaProperty struct {
	Type        json.RawMessage   `json:"type"`
	Description string            `json:"description"`
	Default     json.RawMessage   `json:"default"`
	Enum        []json.RawMessage `json:"enum"`
	Secret      bool              `json:"x-secret"`
	Env         envNames          `json:"x-env"`
}

// envNames are one name or a list of them.
type envNames []string

// UnmarshalJSON reads either form.
func (e *envNames) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*e = envNames{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(e))
}

// properties returns the properties of a configuration's schema.
func properties(schema json.RawMessage) (map[string]schemaProperty, error) {
	var s struct {
		Properties map[string]schemaProperty `json:"properties"`
	}
	if len(schema) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(schema, &s); err != nil {
		return nil, fmt.Errorf("the schema of the configuration: %w", err)
	}
	return s.Properties, nil
}

// writeDocs writes a provider's documentation as markdown.
func writeDocs(w io.Writer, d sdk.Description) error {
	props, err := properties(d.ConfigSchema)
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s. Version %s.\n", d.Name, strings.TrimSuffix(d.Summary, "."), d.Version)
	if len(props) > 0 {
		b.WriteString("\n## Configuration\n\n| Property | Type | Environment | Meaning |\n|---|---|---|---|\n")
	}
	for _, name := range slices.Sorted(maps.Keys(props)) {
		p := props[name]
		meaning := p.Description
		if p.Secret {
			meaning += " Secret."
		}
		if len(p.Default) > 0 {
			meaning += " Default: " + code(string(p.Default)) + "."
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", code(name), kind(p), codeList(p.Env), cell(meaning))
	}
	if len(d.Presets) > 0 {
		b.WriteString("\n## Presets\n")
	}
	for _, preset := range d.Presets {
		fmt.Fprintf(&b, "\n### %s\n\n%s.\n", preset.Name, strings.TrimSuffix(preset.Summary, "."))
		for _, name := range slices.Sorted(maps.Keys(preset.Values)) {
			fmt.Fprintf(&b, "\n- %s is %s", code(name), code(string(preset.Values[name])))
		}
		for _, name := range slices.Sorted(maps.Keys(preset.Env)) {
			if env := preset.Env[name]; len(env) > 0 {
				fmt.Fprintf(&b, "\n- %s comes from %s", code(name), codeList(env))
			}
		}
		b.WriteByte('\n')
	}
	if len(d.Models) > 0 {
		b.WriteString("\n## Models\n\n| Model | Context | Output |\n|---|---|---|\n")
	}
	for _, m := range d.Models {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", code(m.ID), tokens(m.ContextTokens), tokens(m.MaxOutputTokens))
	}
	if len(d.EgressHosts) > 0 {
		fmt.Fprintf(&b, "\n## Network\n\nReaches %s.\n", codeList(d.EgressHosts))
	} else if d.Local {
		b.WriteString("\n## Network\n\nSends nothing off this machine.\n")
	}
	_, err = io.WriteString(w, b.String())
	return err
}

func kind(p schemaProperty) string {
	if len(p.Enum) > 0 {
		var names []string
		for _, e := range p.Enum {
			names = append(names, code(string(e)))
		}
		return cell(strings.Join(names, ", "))
	}
	return strings.Trim(cmp.Or(string(p.Type), "any"), `"`)
}

func code(s string) string { return "`" + s + "`" }

func codeList(list []string) string {
	var quoted []string
	for _, s := range list {
		quoted = append(quoted, code(s))
	}
	return strings.Join(quoted, ", ")
}

// cell makes a text fit for one cell of a table.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ").Replace(strings.TrimSpace(s))
}

func tokens(n int64) string {
	if n == 0 {
		return "?"
	}
	return fmt.Sprint(n)
}
