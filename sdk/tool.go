package sdk

import (
	"encoding/json"
	"fmt"
)

// A ResponseFormat asks for a reply that is JSON of a given schema. A vendor
// that can is told of it; the host checks every reply against it in any case.
type ResponseFormat struct {
	// Name is a name for the schema: letters, digits, _ and -, at most 64.
	Name string `json:"name"`
	// Schema is a JSON Schema, an object.
	Schema json.RawMessage `json:"schema"`
}

// A Tool is a function that the model may ask to have called. Who sent the
// query calls it, and tells the result in a message of role [ToolRole].
type Tool struct {
	// Name has letters, digits, _ and -, at most 64.
	Name string `json:"name"`
	// Description tells the model what it is good for.
	Description string `json:"description,omitempty"`
	// Parameters is the JSON Schema of its arguments, an object; empty means
	// that it takes none.
	Parameters json.RawMessage `json:"parameters,omitempty"`
}

// Values of [Query.ToolChoice] beside a tool's name.
const (
	// ToolAuto lets the model decide.
	ToolAuto = "auto"
	// ToolNone forbids tools.
	ToolNone = "none"
	// ToolRequired wants one of them to be called.
	ToolRequired = "required"
)

// A ToolCall is the model's request to call a tool.
type ToolCall struct {
	// ID names the call; the message with its result carries it back.
	ID string `json:"id"`
	// Name is the tool's.
	Name string `json:"name"`
	// Arguments is a text that should be a JSON object of the tool's
	// parameters. The model wrote it: untrusted.
	Arguments string `json:"arguments"`
}

// validateTools checks the query's response format, tools and tool choice.
func (q *Query) validateTools() error {
	if f := q.ResponseFormat; f != nil {
		if !toolName(f.Name) {
			return fmt.Errorf("response_format.name %q: want 1 to 64 letters, digits, _ or -", shorten(f.Name, 64))
		}
		if !jsonObject(f.Schema) {
			return fmt.Errorf("response_format.schema must be a JSON Schema, as an object")
		}
	}
	chosen := q.ToolChoice == "" || q.ToolChoice == ToolAuto || q.ToolChoice == ToolNone || q.ToolChoice == ToolRequired
	for i, t := range q.Tools {
		if !toolName(t.Name) {
			return fmt.Errorf("tools[%d].name %q: want 1 to 64 letters, digits, _ or -", i, shorten(t.Name, 64))
		}
		if len(t.Parameters) > 0 && !jsonObject(t.Parameters) {
			return fmt.Errorf("tools[%d].parameters must be a JSON Schema, as an object", i)
		}
		chosen = chosen || q.ToolChoice == t.Name
	}
	if !chosen {
		return fmt.Errorf("tool_choice %q is neither auto, none, required nor the name of a tool of the query", shorten(q.ToolChoice, 64))
	}
	return nil
}

func toolName(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for _, c := range []byte(s) {
		if c != '_' && c != '-' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

func jsonObject(raw json.RawMessage) bool {
	for _, c := range raw {
		switch c {
		case ' ', '\t', '\r', '\n':
			continue
		case '{':
			return json.Valid(raw)
		}
		return false
	}
	return false
}
