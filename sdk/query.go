package sdk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"
)

// A Query is one question to one model.
//
// Only ID and Messages are required. Everything else that is unset is left to
// the run's flags, then to the provider.
type Query struct {
	// ID names the query; its [Result] carries it back. Unique within a run,
	// at most [MaxIDBytes] bytes.
	ID string `json:"id"`
	// Messages is the conversation, oldest first. At least one.
	Messages []Message `json:"messages"`
	// TaskType chooses the route. Empty means [UserChat].
	TaskType TaskType `json:"task_type,omitempty"`
	// Provider forces a provider instance by name. A forced provider never
	// falls back to another.
	Provider string `json:"provider,omitempty"`
	// Model overrides the lane's model.
	Model string `json:"model,omitempty"`
	// Temperature is sent only if set.
	Temperature *float64 `json:"temperature,omitempty"`
	// MaxTokens bounds the completion. Sent only if set, unless the vendor
	// requires a bound.
	MaxTokens *int `json:"max_tokens,omitempty"`
	// Priority orders queries that wait: higher goes first, 0 is ordinary.
	Priority int `json:"priority,omitempty"`
	// Metadata is carried to the result untouched and never sent to a model.
	Metadata map[string]string `json:"metadata,omitempty"`
	// ResponseFormat asks for JSON of a schema.
	ResponseFormat *ResponseFormat `json:"response_format,omitempty"`
	// Tools are what the model may ask to have called.
	Tools []Tool `json:"tools,omitempty"`
	// ToolChoice is [ToolAuto] (also if empty), [ToolNone], [ToolRequired] or
	// the name of the tool that must be called.
	ToolChoice string `json:"tool_choice,omitempty"`
	// Options are further fields of the vendor's request body, passed through
	// as they are.
	Options map[string]json.RawMessage `json:"options,omitempty"`
}

// MaxIDBytes bounds [Query.ID].
const MaxIDBytes = 512

// DecodeQuery reads one query from its JSON. It is strict: an unknown field, a
// second value after the object, invalid UTF-8 or a query that does not
// [Query.Validate] is an error that names the field.
func DecodeQuery(data []byte) (Query, error) {
	return decodeQuery(&Scanner{data: data}, nil)
}

// A QueryReader decodes queries that are only looked at: each into the memory of
// the one before, with texts that are parts of its data. So a file is checked
// without memory for its queries. The zero value is ready; a QueryReader is not
// safe for concurrent use.
type QueryReader struct {
	messages []Message
	spare    []byte
}

// Decode is [DecodeQuery], but the query and its texts are valid only until the
// next call, and only as long as data does not change.
func (r *QueryReader) Decode(data []byte) (Query, error) {
	s := Scanner{data: data, lends: true, spare: r.spare[:0]}
	q, err := decodeQuery(&s, r.messages)
	if r.spare = s.spare; err == nil {
		r.messages = q.Messages
	}
	return q, err
}

// decodeQuery decodes what s has, with the messages in room if they fit.
func decodeQuery(s *Scanner, room []Message) (Query, error) {
	q := Query{Messages: room[:0]}
	if !q.scan(s) {
		var err error
		if q, err = decodeWithCare(s.data); err != nil {
			return Query{}, err
		}
	}
	if err := q.Validate(); err != nil {
		return Query{}, err
	}
	return q, nil
}

// decodeWithCare reads what may be a query in any spelling.
func decodeWithCare(data []byte) (q Query, err error) {
	if !utf8.Valid(data) {
		return Query{}, errors.New("query is not valid UTF-8")
	}
	if err := strict(data, &q); err != nil {
		return Query{}, fmt.Errorf("query: %w", err)
	}
	return q, nil
}

// Validate reports the first thing that makes q unfit to be sent: it names the
// query, the field and what is allowed.
func (q *Query) Validate() error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("query %q: %w", shorten(q.ID, 64), fmt.Errorf(format, args...))
	}
	switch {
	case q.ID == "":
		return errors.New(`query without an id: set "id" to a name that is unique in the run`)
	case len(q.ID) > MaxIDBytes:
		return fail("id is %d bytes long; at most %d", len(q.ID), MaxIDBytes)
	case len(q.Messages) == 0:
		return fail("messages is empty; at least one message is needed")
	case q.TaskType != "" && !q.TaskType.Valid():
		return fail("task_type %q is unknown; one of %s", shorten(string(q.TaskType), 64), join(taskTypes))
	case q.Temperature != nil && (math.IsNaN(*q.Temperature) || math.IsInf(*q.Temperature, 0) || *q.Temperature < 0):
		return fail("temperature must be a number of at least 0, not %v", *q.Temperature)
	case q.MaxTokens != nil && (*q.MaxTokens < 1 || *q.MaxTokens > math.MaxInt32):
		return fail("max_tokens must be between 1 and %d, not %d", math.MaxInt32, *q.MaxTokens)
	case q.Priority < math.MinInt32 || q.Priority > math.MaxInt32:
		return fail("priority %d is out of range", q.Priority)
	}
	for i, m := range q.Messages {
		if !m.Role.Valid() {
			return fail("messages[%d].role %q is unknown; one of %s", i, shorten(string(m.Role), 64), join(roles))
		}
		for j, p := range m.Parts {
			if p.Image != nil && !strings.HasPrefix(p.Image.URL, "https://") &&
				!strings.HasPrefix(p.Image.URL, "http://") && !strings.HasPrefix(p.Image.URL, "data:image/") {
				return fail("messages[%d].content[%d].image_url must be an http(s) URL or a data:image/ URL", i, j)
			}
		}
	}
	if err := q.validateTools(); err != nil {
		return fail("%w", err)
	}
	for name, raw := range q.Options {
		if !json.Valid(raw) {
			return fail("options.%s is not valid JSON", shorten(name, 64))
		}
	}
	return nil
}

// Task returns the task type, [UserChat] if none is set.
func (q *Query) Task() TaskType {
	if q.TaskType == "" {
		return UserChat
	}
	return q.TaskType
}

// PromptBytes returns the size of all text, images, tools and schemas of the
// query in bytes: the measure from which token estimates and bounds are made.
func (q *Query) PromptBytes() int {
	n := 0
	for i := range q.Messages {
		m := &q.Messages[i]
		n += len(m.Text)
		for _, p := range m.Parts {
			n += len(p.Text)
			if p.Image != nil {
				n += len(p.Image.URL)
			}
		}
		for _, c := range m.ToolCalls {
			n += len(c.Name) + len(c.Arguments)
		}
	}
	for _, t := range q.Tools {
		n += len(t.Name) + len(t.Description) + len(t.Parameters)
	}
	if q.ResponseFormat != nil {
		n += len(q.ResponseFormat.Schema)
	}
	return n
}

// MarshalJSON writes the query as one line without HTML escapes.
func (q Query) MarshalJSON() ([]byte, error) { return q.AppendJSON(nil), nil }

// strict decodes exactly one JSON value and refuses unknown fields.
func strict(data []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return decodeError(err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("more than one JSON value")
	}
	return nil
}

// decodeError rewords encoding/json's errors for people who do not write Go.
func decodeError(err error) error {
	var typ *json.UnmarshalTypeError
	if errors.As(err, &typ) {
		if typ.Field == "" {
			return fmt.Errorf("a JSON object is needed, not a JSON %s", typ.Value)
		}
		return fmt.Errorf("field %q cannot hold a JSON %s", typ.Field, typ.Value)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return errors.New("the JSON ends too early")
	}
	if rest, ok := strings.CutPrefix(err.Error(), "json: "); ok {
		return errors.New(rest)
	}
	return err
}

func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "..."
}

func join[T ~string](list []T) string {
	var b strings.Builder
	for i, s := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(s))
	}
	return b.String()
}
