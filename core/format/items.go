package format

import (
	"encoding/json"
	"errors"
	"io"
	"iter"
)

// An Item is one input of a generator: a text, or a JSON object.
type Item struct {
	// Text is the item if JSON is nil.
	Text string
	// JSON is an object, or nil.
	JSON json.RawMessage
}

// Items reads the items of a generator. If the first line is a JSON object,
// the file is NDJSON and every line has to be one; otherwise each line is an
// item as it stands. The input is unpacked if its name says that it is packed.
// An error is an [*Error] and the last element.
func Items(r io.Reader, in Input) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		plain, err := CompressionOf(in.Name).NewReader(r)
		if err != nil {
			yield(Item{}, &Error{File: in.name(), Problem: err.Error(), Err: err, last: true})
			return
		}
		defer plain.Close()
		lines := NewLineReader(plain, in)
		ndjson := false
		for n := 0; ; n++ {
			line, err := lines.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(Item{}, err)
				return
			}
			isObject := object(line.Text)
			switch {
			case n == 0:
				ndjson = isObject
			case ndjson && !isObject:
				yield(Item{}, lines.Fail(line, "not a JSON object, as the first line is; write an object on every line, or on none", nil))
				return
			}
			item := Item{Text: string(line.Text)}
			if ndjson {
				item = Item{JSON: json.RawMessage(item.Text)}
			}
			if !yield(item, nil) {
				return
			}
		}
	}
}

// object reports whether a line is a JSON object.
func object(line []byte) bool {
	var fields map[string]json.RawMessage
	return json.Unmarshal(line, &fields) == nil && fields != nil
}
