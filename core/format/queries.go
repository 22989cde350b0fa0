package format

import (
	"errors"
	"io"
	"iter"
	"strings"

	"github.com/cortexlinux/cortex-host/sdk"
)

// Queries reads NDJSON of queries, strictly: see [sdk.DecodeQuery]. An error is
// an [*Error] and the last element. A file without any query is an error too.
func Queries(r io.Reader, in Input) iter.Seq2[sdk.Query, error] {
	return func(yield func(sdk.Query, error) bool) {
		lines := NewLineReader(r, in)
		for n := 0; ; n++ {
			line, err := lines.Next()
			if errors.Is(err, io.EOF) {
				if n == 0 {
					yield(sdk.Query{}, lines.FailFile(`no query in it; each line is an object such as {"id":"q1","messages":[{"role":"user","content":"What is nginx?"}]}`, nil))
				}
				return
			}
			if err != nil {
				yield(sdk.Query{}, err)
				return
			}
			q, err := sdk.DecodeQuery(line.Text)
			if err != nil {
				yield(sdk.Query{}, lines.Fail(line, explain(line.Text, err), err))
				return
			}
			if !yield(q, nil) {
				return
			}
		}
	}
}

// explain adds what people most often meant to write.
func explain(line []byte, err error) string {
	problem := strings.TrimPrefix(err.Error(), "query: ")
	switch strings.TrimLeft(string(line[:min(len(line), 64)]), " \t")[0] {
	case '{':
		return problem
	case '[':
		return problem + "; write one JSON object a line, not an array"
	}
	return problem + "; each line must be a JSON object with id and messages"
}
