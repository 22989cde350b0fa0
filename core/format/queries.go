package format

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/cortexlinux/cortex-host/core/ids"
	"github.com/cortexlinux/cortex-host/sdk"
)

// Queries reads NDJSON of queries, strictly: see [sdk.DecodeQuery]. An error is
// an [*Error] and the last element. A file without any query is no error: an
// empty batch has an empty result.
func Queries(r io.Reader, in Input) iter.Seq2[sdk.Query, error] {
	return rows(in, func() rowReader { return newNDJSONReader(r, in) })
}

// A rowReader reads one query after the other; io.EOF after the last. After an
// [*Error] about a line it can go on, after any other error it cannot.
type rowReader interface {
	next() (sdk.Query, error)
	// place is where the latest row is.
	place() Error
}

// rows reads all of a file. An id that was there before is an error of its row;
// memory for that is bounded: see [ids.Index].
func rows(in Input, open func() rowReader) iter.Seq2[sdk.Query, error] {
	return func(yield func(sdk.Query, error) bool) {
		r := open()
		seen := ids.NewIndex("")
		defer seen.Close()
		for {
			q, err := r.next()
			if errors.Is(err, io.EOF) {
				return
			}
			metadata := q.Metadata
			if err == nil && !in.Unique {
				if err = unique(seen, q.ID, r); err != nil {
					q = sdk.Query{}
				}
			}
			item := in.itemError(err)
			if item != nil {
				item.Metadata = metadata
				err = item
			}
			if !yield(q, err) || (err != nil && item == nil) {
				return
			}
		}
	}
}

// unique returns what is wrong with the id of the latest row: that it was there
// before.
func unique(seen *ids.Index, id string, r rowReader) error {
	fresh, err := seen.Add(id)
	if err != nil || fresh {
		return err
	}
	twice := r.place()
	twice.Problem = fmt.Sprintf("the id %q is used by an earlier row; ids must be unique", Shorten(id, 100))
	return &twice
}

// itemError is what becomes of an error when the file goes on behind it: nil
// if it does not.
func (in Input) itemError(err error) *sdk.ItemError {
	if err == nil || !in.KeepGoing {
		return nil
	}
	row, ok := errors.AsType[*Error](err)
	if !ok || row.last {
		return nil
	}
	return &sdk.ItemError{ID: Shorten(fmt.Sprintf("%s:%d", row.File, row.Line), sdk.MaxIDBytes/utf8.UTFMax),
		Err: &sdk.Error{Kind: sdk.InvalidRequest, Message: row.Error(), Cause: row}}
}

type ndjsonReader struct {
	lines  *LineReader
	decode func(line []byte) (sdk.Query, error)
}

func newNDJSONReader(r io.Reader, in Input) *ndjsonReader {
	decode := sdk.DecodeQuery
	if in.Glance {
		decode = new(sdk.QueryReader).Decode
	}
	return &ndjsonReader{NewLineReader(r, in), decode}
}

func (r *ndjsonReader) next() (sdk.Query, error) {
	line, err := r.lines.Next()
	if err != nil {
		return sdk.Query{}, err
	}
	q, err := r.decode(line.Text)
	if err != nil {
		return sdk.Query{}, r.lines.Fail(line, explain(line.Text, err), err)
	}
	return q, nil
}

func (r *ndjsonReader) place() Error { return r.lines.place() }

// explain adds what people most often meant to write.
func explain(line []byte, err error) string {
	problem := strings.TrimPrefix(err.Error(), "query: ")
	switch strings.TrimLeft(string(line[:min(len(line), 64)]), " \t")[0] {
	case '{':
		if name, unknown := strings.CutPrefix(problem, "unknown field "); unknown && hasField(line, strings.Trim(name, `"`)) {
			return problem + `; a query is like {"id":"q1","messages":[{"role":"user","content":"What is nginx?"}]} and may have ` + strings.Join(queryFields(), ", ")
		}
		return problem
	case '[':
		return problem + "; write one JSON object a line, not an array"
	}
	return problem + "; each line must be a JSON object with id and messages"
}

// queryFields are the names of what a query may have beside id and messages.
func queryFields() []string {
	var names []string
	for t, i := reflect.TypeFor[sdk.Query](), 0; i < t.NumField(); i++ {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name != "" && name != "-" && name != "id" && name != "messages" {
			names = append(names, name)
		}
	}
	return names
}
