package provider

import (
	"encoding/json"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/cortexlinux/cortex-host/sdk"
	providerv1 "github.com/cortexlinux/cortex-host/sdk/proto/cortex/provider/v1"
)

// Queries as messages CompleteRequest.

// queryRoom is what the fields of a short query take beside its texts.
const queryRoom = 128

// encodeQuery appends to buf.
func encodeQuery(buf []byte, q *sdk.Query) ([]byte, error) {
	e := encoder{buf: slices.Grow(buf, queryRoom+q.PromptBytes())}
	e.text(1, q.ID)
	for i := range q.Messages {
		e.message(2, func() { e.chatMessage(&q.Messages[i]) })
	}
	e.text(3, string(q.TaskType))
	e.text(4, q.Model)
	if q.Temperature != nil {
		e.double(5, *q.Temperature)
	}
	if q.MaxTokens != nil {
		e.optional(6, int64(int32(*q.MaxTokens))) // Validate bounds it
	}
	for name, value := range q.Metadata {
		e.message(7, func() {
			e.text(1, name)
			e.text(2, value)
		})
	}
	for name, value := range q.Options {
		e.message(8, func() {
			e.text(1, name)
			e.bytes(2, value)
		})
	}
	if f := q.ResponseFormat; f != nil {
		e.message(9, func() {
			e.text(1, f.Name)
			e.bytes(2, f.Schema)
		})
	}
	for _, t := range q.Tools {
		e.message(10, func() {
			e.text(1, t.Name)
			e.text(2, t.Description)
			e.bytes(3, t.Parameters)
		})
	}
	e.text(11, q.ToolChoice)
	if e.err != nil {
		return nil, sdk.Errorf(sdk.InvalidRequest, "the query can't be encoded: %w", e.err)
	}
	return e.buf, nil
}

func (e *encoder) toolCalls(n protowire.Number, calls []sdk.ToolCall) {
	for _, c := range calls {
		e.message(n, func() {
			e.text(1, c.ID)
			e.text(2, c.Name)
			e.text(3, c.Arguments)
		})
	}
}

func (e *encoder) chatMessage(m *sdk.Message) {
	e.integer(1, int64(roles[m.Role]))
	e.text(2, m.Text)
	for _, p := range m.Parts {
		e.message(3, func() {
			if p.Image == nil {
				e.element(1, p.Text)
				return
			}
			e.message(2, func() {
				e.text(1, p.Image.URL)
				e.text(2, p.Image.Detail)
			})
		})
	}
	e.toolCalls(4, m.ToolCalls)
	e.text(5, m.ToolCallID)
}

func decodeQuery(data []byte) (*sdk.Query, error) {
	q, err := readQuery(data)
	if err == nil {
		return q, nil
	}
	usual, other := plainly(data, new(providerv1.CompleteRequest))
	if other != nil {
		return nil, err // it names the field
	}
	return readQuery(usual)
}

// readQuery reads a query that is written as usual.
func readQuery(data []byte) (*sdk.Query, error) {
	q := new(sdk.Query)
	f := fields{rest: data}
	for f.next() {
		switch f.num {
		case 1:
			q.ID = f.text()
		case 2:
			q.Messages = append(q.Messages, f.chatMessage())
		case 3:
			q.TaskType = sdk.TaskType(f.text())
		case 4:
			q.Model = f.text()
		case 5:
			q.Temperature = new(f.double())
		case 6:
			q.MaxTokens = new(int(int32(f.integer())))
		case 7:
			name, value := f.entry()
			q.Metadata = with(q.Metadata, name, f.textOf(value))
		case 8:
			name, value := f.entry()
			q.Options = with(q.Options, name, append(json.RawMessage(nil), value...))
		case 9:
			q.ResponseFormat = f.responseFormat()
		case 10:
			q.Tools = append(q.Tools, f.tool())
		case 11:
			q.ToolChoice = f.text()
		}
	}
	return q, f.err
}

// with adds to a map, and makes it if there is none.
func with[V any](m map[string]V, name string, value V) map[string]V {
	if m == nil {
		m = map[string]V{}
	}
	m[name] = value
	return m
}

func (f *fields) chatMessage() sdk.Message {
	var m sdk.Message
	in := f.nested()
	for in.next() {
		switch in.num {
		case 1:
			m.Role = rolesFromWire[providerv1.Role(in.integer())]
		case 2:
			m.Text = in.text()
		case 3:
			m.Parts = append(m.Parts, in.part())
		case 4:
			m.ToolCalls = append(m.ToolCalls, in.toolCall())
		case 5:
			m.ToolCallID = in.text()
		}
	}
	f.adopt(in.err)
	return m
}

func (f *fields) part() sdk.Part {
	var p sdk.Part
	in := f.nested()
	for in.next() {
		switch in.num {
		case 1:
			p = sdk.Part{Text: in.text()}
		case 2:
			p = sdk.Part{Image: in.image()}
		}
	}
	f.adopt(in.err)
	return p
}

func (f *fields) image() *sdk.Image {
	image := new(sdk.Image)
	in := f.single()
	for in.next() {
		switch in.num {
		case 1:
			image.URL = in.text()
		case 2:
			image.Detail = in.text()
		}
	}
	f.adopt(in.err)
	return image
}

func (f *fields) toolCall() sdk.ToolCall {
	var c sdk.ToolCall
	in := f.nested()
	for in.next() {
		switch in.num {
		case 1:
			c.ID = in.text()
		case 2:
			c.Name = in.text()
		case 3:
			c.Arguments = in.text()
		}
	}
	f.adopt(in.err)
	return c
}

func (f *fields) tool() sdk.Tool {
	var t sdk.Tool
	in := f.nested()
	for in.next() {
		switch in.num {
		case 1:
			t.Name = in.text()
		case 2:
			t.Description = in.text()
		case 3:
			t.Parameters = append([]byte(nil), in.bytes()...)
		}
	}
	f.adopt(in.err)
	return t
}

func (f *fields) responseFormat() *sdk.ResponseFormat {
	format := new(sdk.ResponseFormat)
	in := f.single()
	for in.next() {
		switch in.num {
		case 1:
			format.Name = in.text()
		case 2:
			format.Schema = append([]byte(nil), in.bytes()...)
		}
	}
	f.adopt(in.err)
	return format
}
