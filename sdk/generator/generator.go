package generator

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"iter"
	"os"
	"runtime"
	"strings"
)

// A Run is one run of a generator.
type Run struct {
	// Head is the header; Params and Facts are its members.
	Head, Params, Facts Value

	in  *bufio.Reader
	out *bufio.Writer
	err error
}

// An Item is one input: a text, or an object. Facts are what is known of it.
type Item struct {
	Value
	Facts Value
}

// A Query is one question: User, after the prompt that Use names. Task is its
// task type. More holds further members as JSON, such as `"priority":1`.
type Query struct {
	ID, Use, User, Task, More string
	Metadata                  []Field
}

// A Field is a name with a text.
type Field struct{ Name, Text string }

const bufferSize = 64 << 10

// Main runs a generator over the standard streams. If f fails it ends the
// program with status 1 and a line on stderr.
func Main(f func(*Run) error) {
	if err := Do(os.Stdin, os.Stdout, f); err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
}

// Do runs a generator over any streams, for tests.
func Do(in io.Reader, out io.Writer, f func(*Run) error) error {
	r := &Run{in: bufio.NewReaderSize(in, bufferSize), out: bufio.NewWriterSize(out, bufferSize)}
	r.Head = r.next()
	if abi := r.Head.Get("abi"); abi != "1" {
		return errors.New("no header of ABI 1, which this generator speaks; its abi is " + string(abi))
	}
	r.Params, r.Facts = r.Head.Get("params"), r.Head.Get("facts")
	err := f(r)
	return errors.Join(err, r.err, r.out.Flush())
}

// Items goes over the items. If the input is broken it stops, and the run fails.
func (r *Run) Items() iter.Seq[Item] {
	return func(yield func(Item) bool) {
		for record := r.next(); record != ""; record = r.next() {
			item := Item{record.Get("item"), record.Get("facts")}
			if !item.Exists() {
				r.err = errors.New("a line of the input is no item: " + string(record[:min(len(record), 80)]))
				return
			}
			if !yield(item) {
				return
			}
		}
	}
}

// next returns the next record, "" at the end. What is owed is written before
// input that is not there yet is waited for.
func (r *Run) next() Value {
	if there, _ := r.in.Peek(r.in.Buffered()); bytes.IndexByte(there, '\n') < 0 {
		runtime.Gosched()
		r.out.Flush()
	}
	line, err := r.in.ReadString('\n')
	if err != nil && (err != io.EOF || line != "") {
		r.err = errors.New("the input ends in the middle of a line: " + err.Error())
		return ""
	}
	return Value(strings.TrimSuffix(line, "\n"))
}

// Prompt defines a system prompt that queries use by its id.
func (r *Run) Prompt(id, system string) {
	b := quote(r.out.AvailableBuffer(), `{"prompt":{"id":`, id)
	r.print(quote(b, `,"messages":[{"role":"system","content":`, system), "}]}}\n")
}

// Send hands a query to the host.
func (r *Run) Send(q Query) {
	b := quote(r.out.AvailableBuffer(), `{"id":`, q.ID)
	if q.Use != "" {
		b = quote(b, `,"use":`, q.Use)
	}
	if q.Task != "" {
		b = quote(b, `,"task_type":`, q.Task)
	}
	if q.More != "" {
		b = append(append(b, ','), q.More...)
	}
	for i, f := range q.Metadata {
		before := [2]string{`,"metadata":{`, `,`}[min(i, 1)]
		b = quote(quote(b, before, f.Name), `:`, f.Text)
	}
	if len(q.Metadata) > 0 {
		b = append(b, '}')
	}
	r.print(quote(b, `,"messages":[{"role":"user","content":`, q.User), "}]}\n")
}

// Fail tells the host that an item cannot become a query. id is the id that the
// query would have had.
func (r *Run) Fail(id, message string) {
	b := quote(r.out.AvailableBuffer(), `{"error":{"id":`, id)
	r.print(quote(b, `,"message":`, message), "}}\n")
}

// print lets the garbage collector work now and then: on wasm nothing interrupts
// a goroutine that does not wait, and one that never does would fill its memory.
func (r *Run) print(record []byte, end string) {
	if len(record) > r.out.Available() {
		runtime.Gosched()
	}
	_, _ = r.out.Write(append(record, end...)) // an error stays, and Do returns it
}
