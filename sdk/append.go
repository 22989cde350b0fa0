package sdk

import (
	"encoding/json"
	"slices"
	"strconv"
	"unicode/utf8"
)

// AppendString appends s as a JSON string. Bytes that are not UTF-8 become
// U+FFFD; nothing is escaped that JSON does not want escaped.
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
		if n := plain(s[i:]); n > 0 {
			i += n
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

// AppendJSON appends the query's JSON, as MarshalJSON writes it, without
// allocating more than b needs. It is for writing many queries.
func (q *Query) AppendJSON(b []byte) []byte {
	b = append(b, `{"id":`...)
	b = AppendString(b, q.ID)
	b = append(b, `,"messages":[`...)
	for i, m := range q.Messages {
		if i > 0 {
			b = append(b, ',')
		}
		b = m.appendJSON(b)
	}
	b = append(b, ']')
	b = appendText(b, `,"task_type":`, string(q.TaskType))
	b = appendText(b, `,"provider":`, q.Provider)
	b = appendText(b, `,"model":`, q.Model)
	if q.Temperature != nil {
		b = append(b, `,"temperature":`...)
		b = strconv.AppendFloat(b, *q.Temperature, 'f', -1, 64)
	}
	if q.MaxTokens != nil {
		b = strconv.AppendInt(append(b, `,"max_tokens":`...), int64(*q.MaxTokens), 10)
	}
	if q.Priority != 0 {
		b = strconv.AppendInt(append(b, `,"priority":`...), int64(q.Priority), 10)
	}
	if len(q.Metadata) > 0 {
		b = append(b, `,"metadata":{`...)
		b = appendMembers(b, q.Metadata, AppendString)
		b = append(b, '}')
	}
	if f := q.ResponseFormat; f != nil {
		b = AppendString(append(b, `,"response_format":{"name":`...), f.Name)
		b = append(append(append(b, `,"schema":`...), f.Schema...), '}')
	}
	if len(q.Tools) > 0 {
		b = appendList(append(b, `,"tools":`...), q.Tools, Tool.appendJSON)
	}
	b = appendText(b, `,"tool_choice":`, q.ToolChoice)
	if len(q.Options) > 0 {
		b = append(b, `,"options":{`...)
		b = appendMembers(b, q.Options, func(b []byte, raw json.RawMessage) []byte { return append(b, raw...) })
		b = append(b, '}')
	}
	return append(b, '}')
}

func (m *Message) appendJSON(b []byte) []byte {
	b = AppendString(append(b, `{"role":`...), string(m.Role))
	b = append(b, `,"content":`...)
	if len(m.Parts) == 0 {
		b = AppendString(b, m.Text)
	} else {
		b = appendList(b, m.Parts, Part.appendJSON)
	}
	if len(m.ToolCalls) > 0 {
		b = appendList(append(b, `,"tool_calls":`...), m.ToolCalls, ToolCall.appendJSON)
	}
	b = appendText(b, `,"tool_call_id":`, m.ToolCallID)
	return append(b, '}')
}

func (p Part) appendJSON(b []byte) []byte {
	if p.Image == nil {
		return append(AppendString(append(b, `{"type":"text","text":`...), p.Text), '}')
	}
	b = AppendString(append(b, `{"type":"image_url","image_url":{"url":`...), p.Image.URL)
	b = appendText(b, `,"detail":`, p.Image.Detail)
	return append(b, '}', '}')
}

func (t Tool) appendJSON(b []byte) []byte {
	b = AppendString(append(b, `{"name":`...), t.Name)
	b = appendText(b, `,"description":`, t.Description)
	if len(t.Parameters) > 0 {
		b = append(append(b, `,"parameters":`...), t.Parameters...)
	}
	return append(b, '}')
}

func (c ToolCall) appendJSON(b []byte) []byte {
	b = AppendString(append(b, `{"id":`...), c.ID)
	b = AppendString(append(b, `,"name":`...), c.Name)
	b = AppendString(append(b, `,"arguments":`...), c.Arguments)
	return append(b, '}')
}

func appendList[T any](b []byte, list []T, one func(T, []byte) []byte) []byte {
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = one(v, b)
	}
	return append(b, ']')
}

// appendMembers appends the members of an object in the order of their names.
func appendMembers[V string | ~[]byte](b []byte, members map[string]V, value func([]byte, V) []byte) []byte {
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(AppendString(b, name), ':')
		b = value(b, members[name])
	}
	return b
}
