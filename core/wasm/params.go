package wasm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/cortexlinux/cortex-host/sdk"
)

const maxParamsBytes = 1 << 20

// A paramSchema checks parameters and knows their defaults.
type paramSchema struct {
	schema   *jsonschema.Schema
	cost     schemaCost
	names    []string
	defaults map[string]json.RawMessage
}

// compileParams compiles a manifest's schema of parameters. No schema at all
// means that there are no parameters.
func compileParams(raw json.RawMessage) (*paramSchema, error) {
	p := &paramSchema{defaults: map[string]json.RawMessage{}}
	if len(raw) == 0 {
		raw = json.RawMessage(`{"type":"object","additionalProperties":false}`)
	}
	if err := boundNumbers(raw); err != nil {
		return nil, fmt.Errorf(`"params": %w`, err)
	}
	var top struct {
		Type       string                     `json:"type"`
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if err := json.Unmarshal(raw, &top); err != nil || top.Type != "object" {
		return nil, errors.New(`"params" must be a JSON Schema with "type": "object"`)
	}
	for name, prop := range top.Properties {
		var d struct {
			Default json.RawMessage `json:"default"`
		}
		if json.Unmarshal(prop, &d) == nil && d.Default != nil {
			p.defaults[name] = d.Default
		}
		p.names = append(p.names, name)
	}
	slices.Sort(p.names)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf(`"params": %w`, err)
	}
	if p.cost, err = measureSchema(doc); err != nil {
		return nil, fmt.Errorf(`"params": %w`, err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(noLoader{})
	const url = "cortex:///params.json"
	if err := c.AddResource(url, doc); err != nil {
		return nil, fmt.Errorf(`"params": %w`, err)
	}
	if p.schema, err = c.Compile(url); err != nil {
		return nil, fmt.Errorf(`"params" is not a JSON Schema: %w`, err)
	}
	return p, nil
}

// noLoader keeps a schema from reaching for files or addresses.
type noLoader struct{}

// Load refuses.
func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("a parameter schema may not refer to %s", url)
}

// resolve lays params over the preset over the schema's defaults and checks
// the whole. Its errors name the parameter.
func (p *paramSchema) resolve(params, preset map[string]json.RawMessage, work int) (map[string]json.RawMessage, error) {
	all := maps.Clone(p.defaults)
	maps.Copy(all, preset)
	maps.Copy(all, params)
	size := 0
	for name, raw := range all {
		size += len(name) + len(raw)
		if !json.Valid(raw) {
			return nil, fmt.Errorf("parameter %q is not JSON: %s", name, quote(raw, 40))
		}
		if err := boundNumbers(raw); err != nil {
			return nil, fmt.Errorf("parameter %q: %w", name, err)
		}
	}
	if size > maxParamsBytes {
		return nil, fmt.Errorf("the parameters are %d bytes long; at most %d", size, maxParamsBytes)
	}
	raw, err := json.Marshal(all)
	if err != nil {
		return nil, fmt.Errorf("parameters: %w", err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("parameters: %w", err)
	}
	if p.cost.work(value) > work {
		return nil, fmt.Errorf("the parameters: %w", errTooMuchWork)
	}
	if err := p.schema.Validate(value); err != nil {
		var v *jsonschema.ValidationError
		if errors.As(err, &v) {
			return nil, p.explain(v)
		}
		return nil, err
	}
	return all, nil
}

var english = message.NewPrinter(language.English)

// explain turns the validator's tree into one line that names the parameter.
func (p *paramSchema) explain(v *jsonschema.ValidationError) error {
	for len(v.Causes) > 0 {
		v = v.Causes[0]
	}
	where := strings.Join(v.InstanceLocation, ".")
	switch k := v.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		if where != "" {
			return fmt.Errorf("parameter %q: it has no member %q", where, strings.Join(k.Properties, `", "`))
		}
		known := "it takes none"
		if len(p.names) > 0 {
			known = "it knows " + strings.Join(p.names, ", ")
		}
		return fmt.Errorf("there is no parameter %q: %s", strings.Join(k.Properties, `", "`), known)
	case *kind.Required:
		if where == "" {
			return fmt.Errorf("parameter %q is missing: give it a value", strings.Join(k.Missing, `", "`))
		}
	}
	text := quoteText(v.ErrorKind.LocalizedString(english), 200) // it quotes the value
	if where == "" {
		return fmt.Errorf("the parameters together: %s", text)
	}
	return fmt.Errorf("parameter %q: %s", where, text)
}

// hugeExponent matches numbers that no parameter needs and that arbitrary
// precision arithmetic would take for ever to expand.
var hugeExponent = regexp.MustCompile(`[0-9][eE][+-]?[0-9]{4,}`)

// boundNumbers refuses numbers with enormous exponents outside of strings.
func boundNumbers(raw []byte) error {
	if !hugeExponent.Match(raw) {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	for {
		token, err := dec.Token()
		if err != nil {
			return nil // the end, or an error that the real decoder reports
		}
		if n, ok := token.(json.Number); ok && hugeExponent.MatchString(n.String()) {
			return fmt.Errorf("the number %s is out of range", quote([]byte(n), 40))
		}
	}
}

// ParamFromText turns what a user typed into a parameter's JSON: the text itself
// if the schema wants a text there, else the text as JSON. It errors for a
// parameter that there is none of.
func (m *Module) ParamFromText(name, text string) (json.RawMessage, error) {
	var schema struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	_ = json.Unmarshal(m.Manifest.Params, &schema) // it was found to be a schema
	raw, known := schema.Properties[name]
	if !known && len(m.params.names) > 0 {
		return nil, failf(InvalidParams, "there is no parameter %q: it knows %s", name, strings.Join(m.params.names, ", ")).named(m.Name())
	}
	var property struct {
		Type any `json:"type"`
	}
	_ = json.Unmarshal(raw, &property) // true and false are schemas too
	if property.Type != "string" && json.Valid([]byte(text)) {
		return json.RawMessage(text), nil
	}
	return sdk.AppendString(nil, strings.ToValidUTF8(text, "\uFFFD")), nil
}
