package generator

import (
	"strconv"
	"unicode/utf8"
)

// A Query is one question. Only ID and Messages are needed, or Use in place of
// some or all messages.
type Query struct {
	// ID names the query; it must be unique in the run.
	ID string
	// Use names a prompt that [Run.Prompt] defined: its messages come first.
	Use string
	// Messages is the conversation, oldest first.
	Messages []Message
	// Task is the task type, such as "system_operation". Empty: "user_chat".
	Task string
	// Temperature is left to the host if it is nil.
	Temperature *float64
	// MaxTokens bounds the answer; 0 leaves that to the host.
	MaxTokens int
	// Priority: higher goes first.
	Priority int
	// Metadata is carried to the result.
	Metadata []Field
}

// A Message is one turn of a conversation.
type Message struct{ Role, Text string }

// System returns a message that tells the model who it is.
func System(text string) Message { return Message{"system", text} }

// User returns a message of the user's.
func User(text string) Message { return Message{"user", text} }

// A Field is a name with a text.
type Field struct{ Name, Text string }

// appendJSON appends the query's record.
func (q *Query) appendJSON(b []byte) []byte {
	b = AppendString(append(b, `{"id":`...), q.ID)
	if q.Use != "" {
		b = AppendString(append(b, `,"use":`...), q.Use)
	}
	b = appendMessages(append(b, ','), q.Messages)
	if q.Task != "" {
		b = AppendString(append(b, `,"task_type":`...), q.Task)
	}
	if q.Temperature != nil {
		b = strconv.AppendFloat(append(b, `,"temperature":`...), *q.Temperature, 'f', -1, 64)
	}
	if q.MaxTokens != 0 {
		b = strconv.AppendInt(append(b, `,"max_tokens":`...), int64(q.MaxTokens), 10)
	}
	if q.Priority != 0 {
		b = strconv.AppendInt(append(b, `,"priority":`...), int64(q.Priority), 10)
	}
	b = appendMetadata(b, q.Metadata)
	return append(b, '}', '\n')
}

func appendMessages(b []byte, messages []Message) []byte {
	b = append(b, `"messages":[`...)
	for i, m := range messages {
		if i > 0 {
			b = append(b, ',')
		}
		b = AppendString(append(b, `{"role":`...), m.Role)
		b = AppendString(append(b, `,"content":`...), m.Text)
		b = append(b, '}')
	}
	return append(b, ']')
}

func appendMetadata(b []byte, fields []Field) []byte {
	if len(fields) == 0 {
		return b
	}
	b = append(b, `,"metadata":{`...)
	for i, f := range fields {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(AppendString(b, f.Name), ':')
		b = AppendString(b, f.Text)
	}
	return append(b, '}')
}

// AppendString appends s as a JSON string. Bytes that are not UTF-8 become
// U+FFFD.
func AppendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				b = append(append(b, s[start:i]...), "\uFFFD"...)
				start = i + 1
			}
			i += size
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		b = append(b, s[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		start = i
	}
	return append(append(b, s[start:]...), '"')
}
