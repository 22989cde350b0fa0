package main

import (
	"encoding/json"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/httpapi"
)

// request is what POST /v2/chat wants.
type request struct {
	Model          string          `json:"model"`
	Messages       []message       `json:"messages"`
	Temperature    *float64        `json:"temperature,omitempty"` // unset is not sent
	MaxTokens      *int            `json:"max_tokens,omitempty"`
	ResponseFormat *responseFormat `json:"response_format,omitempty"`
	Tools          []tool          `json:"tools,omitempty"`
	ToolChoice     string          `json:"tool_choice,omitempty"`
}

type message struct {
	Role       string     `json:"role"`
	Content    any        `json:"content,omitempty"` // a string or []part
	ToolCalls  []toolCall `json:"tool_calls,omitempty"`
	ToolCallID string     `json:"tool_call_id,omitempty"`
}

type part struct {
	Type     string     `json:"type"`
	Text     string     `json:"text,omitempty"`
	ImageURL *sdk.Image `json:"image_url,omitempty"`
}

type responseFormat struct {
	Type   string          `json:"type"`
	Schema json.RawMessage `json:"json_schema,omitempty"`
}

type tool struct {
	Type     string   `json:"type"`
	Function function `json:"function"`
}

type function struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Parameters  json.RawMessage `json:"parameters,omitempty"`
}

type toolCall struct {
	ID       string       `json:"id"`
	Type     string       `json:"type"`
	Function functionCall `json:"function"`
}

type functionCall struct {
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

// answer is what it says.
type answer struct {
	ID           string `json:"id"`
	FinishReason string `json:"finish_reason"`
	Message      struct {
		Content []struct {
			Type string `json:"type"`
			Text string `json:"text"`
		} `json:"content"`
		ToolCalls []toolCall `json:"tool_calls"`
	} `json:"message"`
	Usage *struct {
		Tokens struct {
			In  httpapi.Tokens `json:"input_tokens"`
			Out httpapi.Tokens `json:"output_tokens"`
		} `json:"tokens"`
		Cached httpapi.Tokens `json:"cached_tokens"`
	} `json:"usage"`
}

func newMessage(m *sdk.Message) message {
	out := message{Role: string(m.Role), Content: m.Text, ToolCallID: m.ToolCallID}
	if m.Role == sdk.Developer {
		out.Role = "system"
	}
	var parts []part
	for _, p := range m.Parts {
		if p.Image != nil {
			parts = append(parts, part{Type: "image_url", ImageURL: p.Image})
		} else {
			parts = append(parts, part{Type: "text", Text: p.Text})
		}
	}
	if parts != nil {
		out.Content = parts
	}
	for _, c := range m.ToolCalls {
		out.ToolCalls = append(out.ToolCalls, toolCall{ID: c.ID, Type: "function", Function: functionCall{c.Name, c.Arguments}})
	}
	if len(out.ToolCalls) > 0 && m.Text == "" && parts == nil {
		out.Content = nil
	}
	return out
}

// newRequest writes the body for q.
func newRequest(model string, q *sdk.Query) ([]byte, error) {
	r := request{Model: model, Temperature: q.Temperature, MaxTokens: q.MaxTokens}
	for i := range q.Messages {
		r.Messages = append(r.Messages, newMessage(&q.Messages[i]))
	}
	if q.ResponseFormat != nil {
		r.ResponseFormat = &responseFormat{"json_object", q.ResponseFormat.Schema}
	}
	for _, t := range q.Tools {
		r.Tools = append(r.Tools, tool{"function", function{t.Name, t.Description, t.Parameters}})
	}
	switch q.ToolChoice {
	case "", sdk.ToolAuto:
	case sdk.ToolNone:
		r.ToolChoice = "NONE"
	case sdk.ToolRequired:
		r.ToolChoice = "REQUIRED"
	default:
		return nil, sdk.Errorf(sdk.InvalidRequest, "tool_choice: cohere can't be told to call %q; use required", q.ToolChoice)
	}
	body, err := json.Marshal(r)
	if err != nil {
		return nil, sdk.Errorf(sdk.InvalidRequest, "%w", err)
	}
	return httpapi.MergeOptions(body, q.Options, "model", "messages", "temperature", "max_tokens", "response_format", "tools", "tool_choice", "stream")
}
