package main

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/httpapi"
)

// generateRequest is the body of generateContent.
type generateRequest struct {
	Contents          []turn          `json:"contents"`
	SystemInstruction *turn           `json:"systemInstruction,omitempty"`
	Tools             []toolSet       `json:"tools,omitempty"`
	ToolConfig        *toolConfig     `json:"toolConfig,omitempty"`
	GenerationConfig  json.RawMessage `json:"generationConfig,omitempty"`
}

type generationConfig struct {
	Temperature        *float64        `json:"temperature,omitempty"`
	MaxOutputTokens    *int            `json:"maxOutputTokens,omitempty"`
	ResponseMIMEType   string          `json:"responseMimeType,omitempty"`
	ResponseJSONSchema json.RawMessage `json:"responseJsonSchema,omitempty"`
}

type toolSet struct {
	FunctionDeclarations []functionDeclaration `json:"functionDeclarations"`
}

type functionDeclaration struct {
	Name                 string          `json:"name"`
	Description          string          `json:"description,omitempty"`
	ParametersJSONSchema json.RawMessage `json:"parametersJsonSchema,omitempty"`
}

type toolConfig struct {
	FunctionCallingConfig functionCallingConfig `json:"functionCallingConfig"`
}

type functionCallingConfig struct {
	Mode                 string   `json:"mode"`
	AllowedFunctionNames []string `json:"allowedFunctionNames,omitempty"`
}

// modelPath returns the path of the model's method. The name becomes part of
// the path, so only names that can't lead elsewhere are let in.
func modelPath(model string) (string, error) {
	name := strings.TrimPrefix(model, "models/")
	kind := "models/"
	if tuned, ok := strings.CutPrefix(model, "tunedModels/"); ok {
		name, kind = tuned, "tunedModels/"
	}
	ok := name != "" && strings.Trim(name, ".") != ""
	for _, c := range []byte(name) {
		ok = ok && (c == '-' || c == '.' || c == '_' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z')
	}
	if !ok {
		return "", sdk.Errorf(sdk.InvalidRequest, "model %q is not the name of a Gemini model, such as %s", model, defaultModel)
	}
	return "/v1beta/" + kind + name + ":generateContent", nil
}

// buildRequest writes the body for q and a model. What q does not set is not sent. The
// option generationConfig is merged with what q sets of it.
func buildRequest(model string, q *sdk.Query) (*bytes.Buffer, error) {
	var r generateRequest
	can := capabilitiesOf(model)
	var err error
	if r.SystemInstruction, r.Contents, err = conversation(q.Messages); err != nil {
		return nil, err
	}
	r.adapt(q, can)
	options := make(map[string]json.RawMessage, len(q.Options))
	for name, value := range q.Options {
		options[name] = value
	}
	if r.GenerationConfig, err = newGenerationConfig(q, can, options["generationConfig"]); err != nil {
		return nil, err
	}
	delete(options, "generationConfig")
	reserved := append(make([]string, 0, 8), "contents", "systemInstruction", "system_instruction", "model", "stream", "generationConfig", "generation_config")
	if len(q.Tools) > 0 {
		r.Tools, r.ToolConfig = newTools(q.Tools), newToolConfig(q.ToolChoice)
		reserved = append(reserved, "tools", "toolConfig", "tool_config")
	}
	body := httpapi.NewBody()
	if err := encode(body, &r, q.PromptBytes()); err != nil {
		return nil, err
	}
	return body, httpapi.AddOptions(body, options, reserved...)
}

// newGenerationConfig returns nil for an empty one.
func newGenerationConfig(q *sdk.Query, can capabilities, more json.RawMessage) (json.RawMessage, error) {
	g := generationConfig{Temperature: q.Temperature, MaxOutputTokens: q.MaxTokens}
	var reserved []string
	if q.Temperature != nil {
		reserved = append(reserved, "temperature")
	}
	if q.MaxTokens != nil {
		reserved = append(reserved, "maxOutputTokens", "max_output_tokens")
	}
	if f := q.ResponseFormat; f != nil {
		if can.json {
			g.ResponseMIMEType = "application/json"
		}
		if can.schema {
			g.ResponseJSONSchema = f.Schema
		}
		reserved = append(reserved, "responseMimeType", "response_mime_type", "responseJsonSchema", "response_json_schema", "responseSchema", "response_schema")
	}
	var options map[string]json.RawMessage
	if len(more) > 0 {
		if err := json.Unmarshal(more, &options); err != nil {
			return nil, sdk.Errorf(sdk.InvalidRequest, "options.generationConfig: must be an object")
		}
	}
	if len(reserved) == 0 && len(options) == 0 {
		return nil, nil
	}
	var body bytes.Buffer
	if err := encode(&body, &g, 256); err != nil {
		return nil, err
	}
	return httpapi.MergeOptions(body.Bytes(), options, reserved...)
}

// encode writes v, of about that size, to an empty body.
func encode[T any](body *bytes.Buffer, v *T, size int) error {
	body.Grow(size + 256)
	enc := json.NewEncoder(body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return sdk.Errorf(sdk.InvalidRequest, "the query has no JSON form: %w", err)
	}
	body.Truncate(body.Len() - len("\n"))
	return nil
}

func newTools(tools []sdk.Tool) []toolSet {
	list := make([]functionDeclaration, len(tools))
	for i, t := range tools {
		list[i] = functionDeclaration{Name: t.Name, Description: t.Description, ParametersJSONSchema: t.Parameters}
	}
	return []toolSet{{FunctionDeclarations: list}}
}

// newToolConfig returns nil for the vendor's default.
func newToolConfig(choice string) *toolConfig {
	switch choice {
	case "":
		return nil
	case sdk.ToolAuto:
		return &toolConfig{functionCallingConfig{Mode: "AUTO"}}
	case sdk.ToolNone:
		return &toolConfig{functionCallingConfig{Mode: "NONE"}}
	case sdk.ToolRequired:
		return &toolConfig{functionCallingConfig{Mode: "ANY"}}
	}
	return &toolConfig{functionCallingConfig{Mode: "ANY", AllowedFunctionNames: []string{choice}}}
}
