package sdk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Role says who speaks in a [Message].
type Role string

// The roles. Developer is the newer name that some vendors give to system.
const (
	System    Role = "system"
	Developer Role = "developer"
	User      Role = "user"
	Assistant Role = "assistant"
	ToolRole  Role = "tool"
)

var roles = []Role{System, Developer, User, Assistant, ToolRole}

// Valid reports whether r is a known role.
func (r Role) Valid() bool { return slices.Contains(roles, r) }

// A Message is one turn of a conversation: text, or a list of parts.
//
// In JSON, "content" is either a string or an array of parts:
//
//	{"role":"user","content":"What is nginx?"}
//	{"role":"user","content":[{"type":"text","text":"What is this?"},
//	    {"type":"image_url","image_url":{"url":"https://example.com/a.png"}}]}
//	{"role":"assistant","content":"","tool_calls":[{"id":"c1","name":"df","arguments":"{}"}]}
//	{"role":"tool","tool_call_id":"c1","content":"/dev/sda1 91%"}
type Message struct {
	Role Role
	// Text is the content when Parts is empty.
	Text string
	// Parts is the content when it is more than one text.
	Parts []Part
	// ToolCalls are the calls that an [Assistant] asked for.
	ToolCalls []ToolCall
	// ToolCallID says, in a message of [ToolRole], whose result it is.
	ToolCallID string
}

// A Part is one piece of a message: a text or an image.
type Part struct {
	// Text is the text of a text part. Ignored when Image is set.
	Text string
	// Image makes this an image part.
	Image *Image
}

// An Image is given by reference: an https URL or a data URL
// (data:image/png;base64,...).
type Image struct {
	URL string `json:"url"`
	// Detail is the vendor's resolution hint ("low", "high"), or empty.
	Detail string `json:"detail,omitempty"`
}

// Content returns all text of the message, parts joined by newlines.
func (m Message) Content() string {
	if len(m.Parts) == 0 {
		return m.Text
	}
	var b strings.Builder
	for _, p := range m.Parts {
		if p.Image != nil {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.Text)
	}
	return b.String()
}

type messageJSON struct {
	Role       Role            `json:"role"`
	Content    json.RawMessage `json:"content"`
	ToolCalls  []ToolCall      `json:"tool_calls,omitempty"`
	ToolCallID string          `json:"tool_call_id,omitempty"`
}

type partJSON struct {
	Type  string  `json:"type"`
	Text  *string `json:"text,omitempty"`
	Image *Image  `json:"image_url,omitempty"`
}

// MarshalJSON writes the message in the form shown at [Message].
func (m Message) MarshalJSON() ([]byte, error) { return m.appendJSON(nil), nil }

// UnmarshalJSON reads either form of content; unknown fields are errors.
func (m *Message) UnmarshalJSON(data []byte) error {
	var w messageJSON
	if err := strict(data, &w); err != nil {
		return err
	}
	*m = Message{Role: w.Role, ToolCalls: w.ToolCalls, ToolCallID: w.ToolCallID}
	switch raw := bytes.TrimSpace(w.Content); {
	case len(raw) == 0:
		return errors.New("content is missing")
	case raw[0] == '"':
		return json.Unmarshal(raw, &m.Text)
	case raw[0] == '[':
		return json.Unmarshal(raw, &m.Parts)
	default:
		return fmt.Errorf("content must be a string or an array of parts, not %.20s", raw)
	}
}

// MarshalJSON writes {"type":"text",...} or {"type":"image_url",...}.
func (p Part) MarshalJSON() ([]byte, error) { return p.appendJSON(nil), nil }

// UnmarshalJSON reads what MarshalJSON writes; an unknown type is an error.
func (p *Part) UnmarshalJSON(data []byte) error {
	var w partJSON
	if err := strict(data, &w); err != nil {
		return err
	}
	switch {
	case w.Type == "text" && w.Text != nil && w.Image == nil:
		*p = Part{Text: *w.Text}
	case w.Type == "image_url" && w.Image != nil && w.Text == nil:
		*p = Part{Image: w.Image}
	default:
		return fmt.Errorf(`part of type %q: want {"type":"text","text":...} or {"type":"image_url","image_url":{"url":...}}`, w.Type)
	}
	return nil
}
