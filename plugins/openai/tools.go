package main

import (
	"encoding/json"

	"github.com/cortexlinux/cortex-host/sdk"
)

type responseFormat struct {
	Type       string     `json:"type"`
	JSONSchema jsonSchema `json:"json_schema"`
}

type jsonSchema struct {
	Name   string          `json:"name"`
	Schema json.RawMessage `json:"schema"`
	Strict bool            `json:"strict,omitempty"`
}

type chatTool struct {
	Type     string   `json:"type"`
	Function function `json:"function"`
}

type function struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Parameters  json.RawMessage `json:"parameters,omitempty"`
}

// toolCall is the same in requests and replies.
type toolCall struct {
	ID       string       `json:"id"`
	Type     string       `json:"type"`
	Function functionCall `json:"function"`
}

type functionCall struct {
	Name      string    `json:"name"`
	Arguments arguments `json:"arguments"`
}

// arguments are JSON inside a string; some servers send the JSON itself.
type arguments string

// UnmarshalJSON reads either form.
func (a *arguments) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, (*string)(a))
	}
	*a = arguments(data)
	return nil
}

func newResponseFormat(f *sdk.ResponseFormat) *responseFormat {
	return &responseFormat{Type: "json_schema", JSONSchema: jsonSchema{Name: f.Name, Schema: f.Schema, Strict: strict(f.Schema)}}
}

func newTools(tools []sdk.Tool) []chatTool {
	list := make([]chatTool, len(tools))
	for i, t := range tools {
		list[i] = chatTool{Type: "function", Function: function{Name: t.Name, Description: t.Description, Parameters: t.Parameters}}
	}
	return list
}

// newToolChoice returns nil for the vendor's default, a word, or the tool.
func newToolChoice(choice string) any {
	switch choice {
	case "":
		return nil
	case sdk.ToolAuto, sdk.ToolNone, sdk.ToolRequired:
		return choice
	}
	return chatTool{Type: "function", Function: function{Name: choice}}
}

func newToolCalls(calls []sdk.ToolCall) []toolCall {
	list := make([]toolCall, len(calls))
	for i, c := range calls {
		list[i] = toolCall{ID: c.ID, Type: "function", Function: functionCall{Name: c.Name, Arguments: arguments(c.Arguments)}}
	}
	return list
}

// strict reports whether OpenAI can be asked to follow the schema to the
// letter: every object in it lists all of its properties as required and allows
// no others. It refuses any other schema in strict mode.
func strict(schema json.RawMessage) bool {
	var v any
	return json.Unmarshal(schema, &v) == nil && strictValue(v)
}

func strictValue(v any) bool {
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			if !strictValue(one) {
				return false
			}
		}
	case map[string]any:
		if v["type"] == "object" && !strictObject(v) {
			return false
		}
		for _, one := range v {
			if !strictValue(one) {
				return false
			}
		}
	}
	return true
}

func strictObject(v map[string]any) bool {
	if v["additionalProperties"] != false {
		return false
	}
	properties, _ := v["properties"].(map[string]any)
	required, _ := v["required"].([]any)
	listed := map[any]bool{}
	for _, name := range required {
		if s, ok := name.(string); ok {
			listed[s] = true
		}
	}
	for name := range properties {
		if !listed[name] {
			return false
		}
	}
	return true
}
