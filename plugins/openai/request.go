package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/httpapi"
)

type chatPart struct {
	Type  string     `json:"type"`
	Text  string     `json:"text,omitempty"`
	Image *sdk.Image `json:"image_url,omitempty"`
}

// buildRequest writes the body of POST /chat/completions for q. What q does not
// set is not sent.
func buildRequest(model string, q *sdk.Query) (*bytes.Buffer, error) {
	if model == "" {
		return nil, sdk.Errorf(sdk.InvalidRequest, "no model is named; set --model, or model in the provider's configuration")
	}
	can := capabilitiesOf(model)
	body := httpapi.NewBody()
	body.Grow(q.PromptBytes()*17/16 + 64*len(q.Messages) + 128)
	w := requestWriter{body: body.AvailableBuffer()}
	reserved := append(make([]string, 0, 8), "model", "messages", "stream")
	w.body = sdk.AppendString(append(w.body, `{"model":`...), model)
	w.text(`,"messages":[`)
	if f := q.ResponseFormat; f != nil && can.words {
		w.message(&sdk.Message{Role: sdk.System, Text: httpapi.FormatInWords(f)}, can)
		if len(q.Messages) > 0 {
			w.text(",")
		}
	}
	for i := range q.Messages {
		if i > 0 {
			w.text(",")
		}
		w.message(&q.Messages[i], can)
	}
	w.text("]")
	if q.Temperature != nil && can.temperature {
		w.text(`,"temperature":`)
		w.body = strconv.AppendFloat(w.body, *q.Temperature, 'f', -1, 64)
		reserved = append(reserved, "temperature")
	}
	if q.MaxTokens != nil {
		if can.completionTokens {
			w.text(`,"max_completion_tokens":`)
		} else {
			w.text(`,"max_tokens":`)
		}
		w.body = strconv.AppendInt(w.body, int64(*q.MaxTokens), 10)
		reserved = append(reserved, "max_tokens", "max_completion_tokens")
	}
	if q.ResponseFormat != nil {
		if !can.words {
			w.member(`,"response_format":`, newResponseFormat(q.ResponseFormat))
		}
		reserved = append(reserved, "response_format")
	}
	if len(q.Tools) > 0 {
		w.member(`,"tools":`, newTools(q.Tools))
		if choice := newToolChoice(q.ToolChoice); choice != nil {
			w.member(`,"tool_choice":`, choice)
		}
		reserved = append(reserved, "tools", "tool_choice")
	}
	w.text("}")
	if w.err != nil {
		return nil, sdk.Errorf(sdk.InvalidRequest, "the query has no JSON form: %w", w.err)
	}
	body.Write(w.body) // it is there already, if there was room
	return body, httpapi.AddOptions(body, q.Options, reserved...)
}

// A requestWriter appends to a body: what every query has without reflection,
// what few have by encoding/json.
type requestWriter struct {
	body []byte
	err  error
}

func (w *requestWriter) text(s string) { w.body = append(w.body, s...) }

// member appends a value after its name.
func (w *requestWriter) member(name string, value any) {
	w.text(name)
	b := bytes.NewBuffer(w.body)
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	w.err = errors.Join(w.err, enc.Encode(value))
	w.body = bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func (w *requestWriter) message(m *sdk.Message, can capabilities) {
	w.body = sdk.AppendString(append(w.body, `{"role":`...), can.role(m.Role))
	if len(m.Parts) == 0 {
		w.body = sdk.AppendString(append(w.body, `,"content":`...), m.Text)
	} else {
		w.member(`,"content":`, newParts(m.Parts))
	}
	if len(m.ToolCalls) > 0 {
		w.member(`,"tool_calls":`, newToolCalls(m.ToolCalls))
	}
	if m.ToolCallID != "" {
		w.body = sdk.AppendString(append(w.body, `,"tool_call_id":`...), m.ToolCallID)
	}
	w.text("}")
}

func newParts(list []sdk.Part) []chatPart {
	parts := make([]chatPart, len(list))
	for i, p := range list {
		if p.Image != nil {
			parts[i] = chatPart{Type: "image_url", Image: p.Image}
		} else {
			parts[i] = chatPart{Type: "text", Text: p.Text}
		}
	}
	return parts
}
