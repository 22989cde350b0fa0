package main

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/httpapi"
)

// messagesRequest is the body of POST /v1/messages.
type messagesRequest struct {
	Model        string        `json:"model"`
	MaxTokens    int           `json:"max_tokens"`
	System       string        `json:"system,omitempty"`
	Messages     []turn        `json:"messages"`
	Temperature  *float64      `json:"temperature,omitempty"`
	Tools        []tool        `json:"tools,omitempty"`
	ToolChoice   *toolChoice   `json:"tool_choice,omitempty"`
	OutputConfig *outputConfig `json:"output_config,omitempty"`
}

type tool struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	InputSchema json.RawMessage `json:"input_schema"`
}

type toolChoice struct {
	Type string `json:"type"`
	Name string `json:"name,omitempty"`
}

type outputConfig struct {
	Format outputFormat `json:"format"`
}

type outputFormat struct {
	Type   string          `json:"type"`
	Schema json.RawMessage `json:"schema"`
}

// buildRequest writes the body for q. What q does not set is not sent, but for
// max_tokens, which this vendor requires.
func (s *session) buildRequest(model string, q *sdk.Query) (*bytes.Buffer, error) {
	can := capabilitiesOf(model)
	r := messagesRequest{Model: model, MaxTokens: s.bound(q, can)}
	var err error
	if r.System, r.Messages, err = conversation(q.Messages); err != nil {
		return nil, err
	}
	reserved := append(make([]string, 0, 8), "model", "messages", "stream", "system", "max_tokens")
	if q.Temperature != nil && can.temperature {
		r.Temperature = q.Temperature
		reserved = append(reserved, "temperature")
	}
	if len(q.Tools) > 0 {
		r.Tools, r.ToolChoice = newTools(q.Tools), newToolChoice(q.ToolChoice)
		reserved = append(reserved, "tools", "tool_choice")
	}
	if f := q.ResponseFormat; f != nil && can.formats {
		r.OutputConfig = &outputConfig{Format: outputFormat{Type: "json_schema", Schema: f.Schema}}
		reserved = append(reserved, "output_config")
	} else if f != nil {
		r.System = strings.TrimPrefix(r.System+"\n\n", "\n\n") + httpapi.FormatInWords(f)
	}
	body := httpapi.NewBody()
	body.Grow(q.PromptBytes() + 256)
	enc := json.NewEncoder(body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(&r); err != nil {
		return nil, sdk.Errorf(sdk.InvalidRequest, "the query has no JSON form: %w", err)
	}
	body.Truncate(body.Len() - len("\n"))
	return body, httpapi.AddOptions(body, q.Options, reserved...)
}

// bound returns the bound on the reply: the query's, the configuration's, or
// what suits the model.
func (s *session) bound(q *sdk.Query, can capabilities) int {
	switch {
	case q.MaxTokens != nil:
		return *q.MaxTokens
	case s.maxTokens != nil:
		return *s.maxTokens
	}
	return can.maxTokens
}

func newTools(tools []sdk.Tool) []tool {
	list := make([]tool, len(tools))
	for i, t := range tools {
		list[i] = tool{Name: t.Name, Description: t.Description, InputSchema: t.Parameters}
		if len(t.Parameters) == 0 {
			list[i].InputSchema = json.RawMessage(`{"type":"object"}`)
		}
	}
	return list
}

// newToolChoice returns nil for the vendor's default.
func newToolChoice(choice string) *toolChoice {
	switch choice {
	case "":
		return nil
	case sdk.ToolAuto, sdk.ToolNone:
		return &toolChoice{Type: choice}
	case sdk.ToolRequired:
		return &toolChoice{Type: "any"}
	}
	return &toolChoice{Type: "tool", Name: choice}
}
