package main

import (
	"bytes"
	"encoding/json"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/httpapi"
)

// chatRequest is the body of POST /chat/completions.
type chatRequest struct {
	Model               string          `json:"model"`
	Messages            []chatMessage   `json:"messages"`
	Temperature         *float64        `json:"temperature,omitempty"`
	MaxTokens           *int            `json:"max_tokens,omitempty"`
	MaxCompletionTokens *int            `json:"max_completion_tokens,omitempty"`
	ResponseFormat      *responseFormat `json:"response_format,omitempty"`
	Tools               []chatTool      `json:"tools,omitempty"`
	// ToolChoice is a word or a chatTool with nothing but a name.
	ToolChoice any `json:"tool_choice,omitempty"`
}

type chatMessage struct {
	Role string `json:"role"`
	// Content is a string or a []chatPart.
	Content    any        `json:"content"`
	ToolCalls  []toolCall `json:"tool_calls,omitempty"`
	ToolCallID string     `json:"tool_call_id,omitempty"`
}

type chatPart struct {
	Type  string     `json:"type"`
	Text  string     `json:"text,omitempty"`
	Image *sdk.Image `json:"image_url,omitempty"`
}

// buildRequest writes the body for q. What q does not set is not sent.
func buildRequest(model string, q *sdk.Query) ([]byte, error) {
	if model == "" {
		return nil, sdk.Errorf(sdk.InvalidRequest, "no model is named; set --model, or model in the provider's configuration")
	}
	can := capabilitiesOf(model)
	r := chatRequest{Model: model, Messages: make([]chatMessage, len(q.Messages))}
	reserved := append(make([]string, 0, 8), "model", "messages", "stream")
	for i := range q.Messages {
		r.Messages[i] = newMessage(&q.Messages[i], can)
	}
	if q.Temperature != nil && can.temperature {
		r.Temperature = q.Temperature
		reserved = append(reserved, "temperature")
	}
	if q.MaxTokens != nil {
		if can.completionTokens {
			r.MaxCompletionTokens = q.MaxTokens
		} else {
			r.MaxTokens = q.MaxTokens
		}
		reserved = append(reserved, "max_tokens", "max_completion_tokens")
	}
	if q.ResponseFormat != nil {
		r.ResponseFormat = newResponseFormat(q.ResponseFormat)
		reserved = append(reserved, "response_format")
	}
	if len(q.Tools) > 0 {
		r.Tools, r.ToolChoice = newTools(q.Tools), newToolChoice(q.ToolChoice)
		reserved = append(reserved, "tools", "tool_choice")
	}
	var body bytes.Buffer
	body.Grow(q.PromptBytes() + 256)
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(&r); err != nil {
		return nil, sdk.Errorf(sdk.InvalidRequest, "the query has no JSON form: %w", err)
	}
	return httpapi.MergeOptions(bytes.TrimSuffix(body.Bytes(), []byte("\n")), q.Options, reserved...)
}

func newMessage(m *sdk.Message, can capabilities) chatMessage {
	c := chatMessage{Role: can.role(m.Role), Content: m.Text, ToolCallID: m.ToolCallID}
	for _, call := range m.ToolCalls {
		c.ToolCalls = append(c.ToolCalls, newToolCall(call))
	}
	if len(m.Parts) == 0 {
		return c
	}
	parts := make([]chatPart, len(m.Parts))
	for i, p := range m.Parts {
		if p.Image != nil {
			parts[i] = chatPart{Type: "image_url", Image: p.Image}
		} else {
			parts[i] = chatPart{Type: "text", Text: p.Text}
		}
	}
	c.Content = parts
	return c
}
