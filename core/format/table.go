package format

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cortexlinux/cortex-host/sdk"
)

// A tableReader makes a query of each row of a CSV or TSV file. All columns
// but the id become metadata, so that answers can be joined to rows.
type tableReader struct {
	in      Input
	r       *csv.Reader
	bound   *boundedReader
	t       templates
	id      string // the wanted id column, empty: any
	names   []string
	columns map[string]int // nil until the header was read
	row     int
	at      Error // where it is
}

func newTableReader(r io.Reader, in Input, comma rune, t templates, id string) *tableReader {
	in.Name = in.name()
	if in.MaxLine <= 0 {
		in.MaxLine = MaxLine
	}
	br := bufio.NewReader(r)
	if head, _ := br.Peek(3); string(head) == "\xef\xbb\xbf" {
		_, _ = br.Discard(3) // it is in the buffer
	}
	bound := &boundedReader{r: br}
	if comma == '\t' {
		bound.r = &tsvReader{r: br}
	}
	c := csv.NewReader(bound)
	c.Comma = comma
	c.ReuseRecord = true
	return &tableReader{in: in, r: c, bound: bound, t: t, id: id}
}

func (t *tableReader) place() Error { return t.at }

func (t *tableReader) next() (sdk.Query, error) {
	if t.columns == nil {
		if err := t.header(); err != nil {
			return sdk.Query{}, err
		}
	}
	record, at, err := t.read()
	if err != nil {
		return sdk.Query{}, err
	}
	t.row++
	t.at = at
	fail := func(format string, args ...any) error {
		at.Problem = fmt.Sprintf(format, args...)
		return &at
	}
	if len(record) != len(t.names) {
		return sdk.Query{}, fail("the row has %d fields, the header has %d; quote fields that contain the separator", len(record), len(t.names))
	}
	value := func(column string) string { return record[t.columns[column]] }
	q := sdk.Query{ID: "row_" + strconv.Itoa(t.row)}
	if t.id != "" {
		q.ID = strings.Clone(value(t.id))
	}
	q.Messages = t.t.messages(value)
	if strings.TrimSpace(q.Messages[len(q.Messages)-1].Text) == "" {
		return sdk.Query{}, fail("the prompt is empty")
	}
	q.Metadata = make(map[string]string, len(t.names))
	for i, name := range t.names {
		if name != t.id {
			q.Metadata[name] = strings.Clone(record[i])
		}
	}
	if err := q.Validate(); err != nil {
		return sdk.Query{}, fail("%s", err)
	}
	return q, nil
}

// messages are the system prompt, if it is not empty, and the prompt.
func (t templates) messages(value func(string) string) []sdk.Message {
	var list []sdk.Message
	if t.system != nil {
		if text := t.system.expand(value); text != "" {
			list = append(list, sdk.Message{Role: sdk.System, Text: text})
		}
	}
	return append(list, sdk.Message{Role: sdk.User, Text: t.prompt.expand(value)})
}

// header reads the names of the columns and checks the templates with them. Its
// errors are of the file: nothing can be made of the rows behind it.
func (t *tableReader) header() error {
	record, _, err := t.read()
	if err != nil {
		if row := (*Error)(nil); errors.As(err, &row) {
			return t.failHeader("%s", row.Problem)
		}
		return err
	}
	columns := make(map[string]int, len(record))
	t.names = make([]string, len(record))
	for i, name := range record {
		name = strings.Clone(strings.TrimSpace(name))
		if name == "" {
			return t.failHeader("column %d has no name; the first line must name the columns", i+1)
		}
		if _, twice := columns[name]; twice {
			return t.failHeader("two columns are called %q", name)
		}
		columns[name], t.names[i] = i, name
	}
	if _, ok := columns["id"]; ok && t.id == "" {
		t.id = "id"
	}
	if _, ok := columns[t.id]; t.id != "" && !ok {
		return t.failHeader("there is no column %q for the ids; the header has %s", t.id, columnNames(columns))
	}
	if t.t.prompt == nil {
		if _, ok := columns["prompt"]; !ok {
			return t.failHeader("no prompt template was given and there is no column called prompt; the header has %s", columnNames(columns))
		}
		t.t.prompt = &Template{[]piece{{column: "prompt"}}}
		if _, ok := columns["system"]; ok && t.t.system == nil {
			t.t.system = &Template{[]piece{{column: "system"}}}
		}
	}
	for _, template := range []*Template{t.t.prompt, t.t.system} {
		if err := template.check(columns); err != nil {
			return t.failHeader("%s", err)
		}
	}
	t.columns = columns
	return nil
}

// failHeader is an error of the first row: nothing can be made of the others.
func (t *tableReader) failHeader(format string, args ...any) error {
	return &Error{File: t.in.Name, Line: 1, Problem: "the header: " + fmt.Sprintf(format, args...), last: true}
}

// read returns the next record and where it begins.
func (t *tableReader) read() ([]string, Error, error) {
	at := Error{File: t.in.Name, Byte: t.r.InputOffset()}
	t.bound.left = int64(t.in.MaxLine)
	record, err := t.r.Read()
	var parse *csv.ParseError
	switch {
	case errors.Is(err, io.EOF):
		return nil, at, io.EOF
	case errors.Is(err, errTooLong):
		at.Problem, at.last = fmt.Sprintf("the row at byte %d is longer than %d bytes; is a quote missing?", at.Byte, t.in.MaxLine), true
		return nil, at, &at
	case errors.As(err, &parse) && errors.Is(parse.Err, csv.ErrFieldCount):
		// the caller says it better
	case errors.As(err, &parse):
		at.Line, at.Err = int64(parse.StartLine), err
		at.Problem = fmt.Sprintf("column %d: %s; a quoted field ends with a quote, and a quote in it is doubled", parse.Column, parse.Err)
		return nil, at, &at
	case err != nil:
		at.Problem, at.Err, at.last = fmt.Sprintf("%v, at byte %d", err, at.Byte), err, true
		return nil, at, &at
	}
	line, _ := t.r.FieldPos(0)
	at.Line = int64(line)
	for i, field := range record {
		if t.r.Comma == '\t' {
			field = strings.ReplaceAll(field, string([]byte{bareQuote}), `"`)
			record[i] = field
		}
		if i := strings.IndexByte(field, 0); i >= 0 {
			at.Problem = "a NUL byte: this is not a text file, or it is UTF-16; convert it to UTF-8"
			return nil, at, &at
		}
		if !utf8.ValidString(field) {
			at.Problem = "not valid UTF-8; convert the file to UTF-8"
			return nil, at, &at
		}
	}
	return record, at, nil
}

var errTooLong = errors.New("row too long")

// A boundedReader hands out left bytes: a quote that is never closed must not
// pull the whole file into memory.
type boundedReader struct {
	r    io.Reader
	left int64
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

func columnNames(columns map[string]int) string {
	names := slices.SortedFunc(maps.Keys(columns), func(a, b string) int { return columns[a] - columns[b] })
	return Shorten(strings.Join(names, ", "), 200)
}

// A promptReader makes a query of each line of a text.
type promptReader struct {
	lines *LineReader
	t     templates
}

// lineColumn is what the templates of a text file call the line.
const lineColumn = "line"

func newPromptReader(r io.Reader, in Input, t templates) *promptReader {
	if t.prompt == nil {
		t.prompt = &Template{[]piece{{column: lineColumn}}}
	}
	return &promptReader{NewLineReader(r, in), t}
}

func (p *promptReader) place() Error { return p.lines.place() }

func (p *promptReader) next() (sdk.Query, error) {
	line, err := p.lines.Next()
	if err != nil {
		return sdk.Query{}, err
	}
	for _, template := range []*Template{p.t.prompt, p.t.system} {
		if err := template.check(map[string]int{lineColumn: 0}); err != nil {
			return sdk.Query{}, p.lines.FailFile(err.Error(), err)
		}
	}
	text := string(line.Text)
	return sdk.Query{ID: "line_" + strconv.FormatInt(line.Number, 10), Messages: p.t.messages(func(string) string { return text })}, nil
}
