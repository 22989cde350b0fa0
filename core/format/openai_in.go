package format

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/cortexlinux/cortex-host/sdk"
)

// chatURL is the one address that a batch line may name: the others do not
// answer a conversation.
const chatURL = "/v1/chat/completions"

// openAILine is one line of a batch file.
type openAILine struct {
	CustomID string                     `json:"custom_id"`
	Method   string                     `json:"method"`
	URL      string                     `json:"url"`
	Body     map[string]json.RawMessage `json:"body"`
}

// An openAIReader reads a batch file of OpenAI. Of the body, model, messages,
// temperature and the bound of the reply become fields of the query; all else
// is passed through as it is.
type openAIReader struct{ lines *LineReader }

func (r *openAIReader) place() Error { return r.lines.place() }

func (r *openAIReader) next() (sdk.Query, error) {
	line, err := r.lines.Next()
	if err != nil {
		return sdk.Query{}, err
	}
	q, err := decodeOpenAI(line.Text)
	if err != nil {
		return sdk.Query{}, r.lines.Fail(line, err.Error(), err)
	}
	return q, nil
}

func decodeOpenAI(data []byte) (sdk.Query, error) {
	q, ok := scanOpenAI(data)
	if !ok {
		var err error
		if q, err = decodeOpenAILine(data); err != nil {
			return sdk.Query{}, err
		}
	}
	if err := q.Validate(); err != nil {
		return sdk.Query{}, err
	}
	return q, nil
}

// decodeOpenAILine decodes any line that is right, and says what is wrong with
// one that is not. What it returns is not validated.
func decodeOpenAILine(data []byte) (sdk.Query, error) {
	var l openAILine
	if err := decodeStrict(data, &l); err != nil {
		return sdk.Query{}, err
	}
	switch {
	case l.CustomID == "":
		return sdk.Query{}, errors.New("custom_id is missing")
	case l.Method != http.MethodPost:
		return sdk.Query{}, fmt.Errorf("method must be POST, not %q", Shorten(l.Method, 20))
	case l.URL != chatURL:
		return sdk.Query{}, fmt.Errorf("url must be %s, not %q: only conversations can be asked", chatURL, Shorten(l.URL, 60))
	case l.Body == nil:
		return sdk.Query{}, errors.New("body is missing")
	}
	q := sdk.Query{ID: l.CustomID}
	if err := takeBody(&q, l.Body); err != nil {
		return sdk.Query{}, fmt.Errorf("body.%w", err)
	}
	return q, nil
}

// takeBody moves what a query has a field for out of the body. Its errors
// begin with the name of the field.
func takeBody(q *sdk.Query, body map[string]json.RawMessage) error {
	var messages []openAIMessage
	var limit, newLimit *int
	for name, field := range map[string]any{ // pointers to what encoding/json fills in
		"model": &q.Model, "messages": &messages, "temperature": &q.Temperature,
		"max_tokens": &limit, "max_completion_tokens": &newLimit,
	} {
		if raw, ok := body[name]; ok {
			if err := decodeStrict(raw, field); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			delete(body, name)
		}
	}
	switch {
	case q.Model == "":
		return errors.New("model is missing")
	case len(messages) == 0:
		return errors.New("messages is missing or empty")
	case limit != nil && newLimit != nil && *limit != *newLimit:
		return fmt.Errorf("max_tokens is %d and max_completion_tokens %d: give one of them", *limit, *newLimit)
	}
	if q.MaxTokens = newLimit; newLimit == nil {
		q.MaxTokens = limit
	}
	q.Messages = make([]sdk.Message, len(messages))
	for i, m := range messages {
		var err error
		if q.Messages[i], err = m.message(); err != nil {
			return fmt.Errorf("messages[%d]: %w", i, err)
		}
	}
	return takeOptions(q, body)
}

// takeOptions keeps the rest of the body, except for what would make a reply
// that a row cannot hold.
func takeOptions(q *sdk.Query, body map[string]json.RawMessage) error {
	if raw, ok := body["stream"]; ok {
		if string(raw) != "false" && string(raw) != "null" {
			return errors.New("stream must be false: a batch has whole replies")
		}
		delete(body, "stream")
		delete(body, "stream_options")
	}
	if raw, ok := body["n"]; ok && string(raw) != "1" && string(raw) != "null" {
		return errors.New("n must be 1: a row holds one reply")
	}
	for name, raw := range body {
		if string(raw) == "null" { // the API takes it for not given
			delete(body, name)
		}
	}
	if len(body) > 0 {
		q.Options = body
	}
	return nil
}

// openAIMessage is a message as the API has it; fields that are not here
// cannot be sent and are refused.
type openAIMessage struct {
	Role       sdk.Role         `json:"role"`
	Content    json.RawMessage  `json:"content"`
	ToolCalls  []openAIToolCall `json:"tool_calls,omitempty"`
	ToolCallID string           `json:"tool_call_id,omitempty"`
	Refusal    *string          `json:"refusal,omitempty"`
}

type openAIToolCall struct {
	ID       string             `json:"id"`
	Type     string             `json:"type"`
	Function openAIToolFunction `json:"function"`
}

type openAIToolFunction struct {
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

func (m *openAIMessage) message() (sdk.Message, error) {
	if m.Refusal != nil {
		return sdk.Message{}, errors.New("refusal cannot be sent; put its text into content")
	}
	msg := sdk.Message{Role: m.Role, ToolCallID: m.ToolCallID}
	for _, c := range m.ToolCalls {
		if c.Type != "function" {
			return msg, fmt.Errorf("tool_calls of type %q cannot be sent, only of type function", Shorten(c.Type, 20))
		}
		msg.ToolCalls = append(msg.ToolCalls, sdk.ToolCall{ID: c.ID, Name: c.Function.Name, Arguments: c.Function.Arguments})
	}
	switch content := bytes.TrimSpace(m.Content); {
	case len(content) == 0 || string(content) == "null":
		if len(m.ToolCalls) == 0 {
			return msg, errors.New("content is missing")
		}
	case content[0] == '"':
		return msg, json.Unmarshal(content, &msg.Text)
	case content[0] == '[':
		if err := json.Unmarshal(content, &msg.Parts); err != nil {
			return msg, fmt.Errorf("content: %w", err)
		}
	default:
		return msg, errors.New("content must be a string or an array of parts")
	}
	return msg, nil
}
