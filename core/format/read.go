package format

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"strings"

	"github.com/cortexlinux/cortex-host/sdk"
)

// A Kind is a file format of queries.
type Kind string

// The kinds.
const (
	// KindNDJSON is one [sdk.Query] a line.
	KindNDJSON Kind = "ndjson"
	// KindOpenAI is a batch file of OpenAI: one request to
	// /v1/chat/completions a line.
	KindOpenAI Kind = "openai"
	// KindCSV and KindTSV are tables with a header; a prompt is made from each
	// row by a template.
	KindCSV Kind = "csv"
	KindTSV Kind = "tsv"
	// KindLines is a text file; a prompt is made from each line.
	KindLines Kind = "lines"
)

var kinds = []Kind{KindNDJSON, KindOpenAI, KindCSV, KindTSV, KindLines}

// ParseKind returns the kind of that name.
func ParseKind(name string) (Kind, error) {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		if string(k) == name {
			return k, nil
		}
		names[i] = string(k)
	}
	return "", fmt.Errorf("format %q is unknown; one of %s", name, strings.Join(names, ", "))
}

// ReadOptions say how a file becomes queries.
type ReadOptions struct {
	// Kind is the format; empty: it is told by the file's suffix or else by
	// its first line. Only NDJSON and OpenAI batches are recognised by their
	// content: text that is merely not JSON is never taken for prompts.
	Kind Kind
	// Prompt and System are the templates of tables and lines: see [Template].
	// Without a Prompt a table must have a column prompt, and may have a column
	// system; of a text file each line is a prompt.
	Prompt, System string
	// IDColumn is the column of a table that holds the ids. Empty: id, if there
	// is such a column, or else the rows are called row_1, row_2 and so on.
	IDColumn string
}

// Read reads queries from a file of any [Kind], compressed if its name says so.
// Errors and [Input.KeepGoing] are as with [Queries].
func Read(r io.Reader, in Input, o ReadOptions) iter.Seq2[sdk.Query, error] {
	return func(yield func(sdk.Query, error) bool) {
		fail := func(err error) {
			yield(sdk.Query{}, &Error{File: in.name(), Problem: err.Error(), Err: err, last: true})
		}
		plain, err := CompressionOf(in.Name).NewReader(r)
		if err != nil {
			fail(err)
			return
		}
		defer plain.Close()
		br := bufio.NewReaderSize(plain, sniffBytes)
		kind := o.Kind
		if kind == "" {
			kind = kindOf(in.Name, br)
		}
		rr, err := open(kind, br, in, o)
		if err != nil {
			fail(err)
			return
		}
		for q, err := range rows(in, rr) {
			if !yield(q, err) {
				return
			}
		}
	}
}

func (in Input) name() string {
	if in.Name == "" {
		return "-"
	}
	return in.Name
}

// open returns what opens the reader of a kind. Templates are parsed here:
// they are the user's, not the file's.
func open(kind Kind, r io.Reader, in Input, o ReadOptions) (func() rowReader, error) {
	templates, err := parseTemplates(o)
	if err != nil {
		return nil, err
	}
	switch kind {
	case KindNDJSON:
		return func() rowReader { return newNDJSONReader(r, in) }, nil
	case KindOpenAI:
		return func() rowReader { return &openAIReader{NewLineReader(r, in)} }, nil
	case KindCSV:
		return func() rowReader { return newTableReader(r, in, ',', templates, o.IDColumn) }, nil
	case KindTSV:
		return func() rowReader { return newTableReader(r, in, '\t', templates, o.IDColumn) }, nil
	case KindLines:
		return func() rowReader { return newPromptReader(r, in, templates) }, nil
	}
	_, err = ParseKind(string(kind))
	return nil, err
}

// kindOf tells a file's kind from its name, else from its first line.
func kindOf(name string, r *bufio.Reader) Kind {
	switch strings.ToLower(filepath.Ext(CompressionOf(name).TrimSuffix(name))) {
	case ".csv":
		return KindCSV
	case ".tsv", ".tab":
		return KindTSV
	case ".txt":
		return KindLines
	}
	if hasField(firstLine(r), "custom_id") {
		return KindOpenAI
	}
	return KindNDJSON
}

const sniffBytes = 64 << 10

// firstLine returns the first line that is not empty, or as much of it as the
// buffer holds, without taking it. It waits for no more than that line: more
// may never come.
func firstLine(r *bufio.Reader) []byte {
	for n := 1; ; n = r.Buffered() + 1 {
		_, err := r.Peek(n)
		head, _ := r.Peek(r.Buffered())
		head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
		if i := bytes.IndexByte(head, '\n'); i >= 0 {
			return head[:i]
		}
		if err != nil || r.Buffered() >= sniffBytes {
			return head
		}
	}
}

// hasField reports whether a JSON object, of which the end may be missing, has
// a field of that name.
func hasField(object []byte, name string) bool {
	dec := json.NewDecoder(bytes.NewReader(object))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return false
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return false
		}
		if key == name {
			return true
		}
		var value json.RawMessage
		if dec.Decode(&value) != nil {
			return false
		}
	}
	return false
}

// decodeStrict decodes exactly one JSON value and refuses unknown fields.
func decodeStrict(data []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			return errors.New("the JSON ends too early")
		}
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}
