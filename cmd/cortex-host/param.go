package main

import (
	"encoding/json"
	"slices"

	"github.com/cortexlinux/cortex-host/core/wasm"
)

// paramJSON turns the text of --param into JSON: a string where the parameter's
// schema wants one or says nothing, else the JSON that the text is.
func paramJSON(m *wasm.Module, name, text string) json.RawMessage {
	var schema struct {
		Properties map[string]struct {
			Type names `json:"type"`
		} `json:"properties"`
	}
	if len(m.Manifest.Params) > 0 && json.Unmarshal(m.Manifest.Params, &schema) == nil {
		types := schema.Properties[name].Type
		if len(types) > 0 && !slices.Contains(types, "string") && json.Valid([]byte(text)) {
			return json.RawMessage(text)
		}
	}
	return quoteJSON(text)
}
