package generator

import (
	"errors"
	"io"
	"iter"
	"os"
	"runtime"
	"strconv"
)

// ABI is the version of the contract that this package speaks.
const ABI = 1

// A Run is one run of a generator: the header that the host sent, the items,
// and the way out.
type Run struct {
	// Name is the generator's name in its manifest.
	Name string
	// Params are the parameters; the host has filled in the defaults.
	Params Value
	// Facts are the facts about the machine that the manifest asks for.
	Facts Value
	// Total is the number of items, -1 if it is not known.
	Total int64
	// Seed is for whatever the generator wants to vary.
	Seed int64

	in   io.Reader
	out  io.Writer
	buf  []byte // input that was read
	at   int    // how far it was taken
	eof  bool
	owed []byte // output that was not written
	err  error
}

// An Item is one input.
type Item struct {
	// Value is a string, or an object.
	Value Value
	// Facts are the facts about this item: "package", if the manifest asks for
	// it and something is known.
	Facts Value
}

// Text returns the item if it is a text, "" if it is an object.
func (i Item) Text() string { return i.Value.Text() }

// Get returns a member of an item that is an object.
func (i Item) Get(name string) Value { return i.Value.Get(name) }

// Main runs a generator over the standard streams, as the host wants it. It
// never returns: it ends the program, with status 1 and a line on stderr if f
// fails.
func Main(f func(*Run) error) {
	if err := Do(os.Stdin, os.Stdout, f); err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Exit(0)
}

// Do runs a generator over any streams, for tests.
func Do(in io.Reader, out io.Writer, f func(*Run) error) error {
	r := &Run{in: in, out: out, Total: -1}
	line, err := r.line()
	if errors.Is(err, io.EOF) {
		return errors.New("no header: the first line of the input must be one")
	}
	if err != nil {
		return err
	}
	head, err := Parse(line)
	if err != nil || !head.IsObject() {
		return errors.New("the header is not a JSON object")
	}
	if abi := head.Get("abi"); abi.Int(0) != ABI {
		return errors.New("the host speaks ABI " + abi.JSON() + ", this generator " + strconv.Itoa(ABI))
	}
	r.Name = head.Get("name").Text()
	r.Params = head.Get("params").copy()
	r.Facts = head.Get("facts").copy()
	r.Total = head.Get("total").Int(-1)
	r.Seed = head.Get("seed").Int(0)
	if err := f(r); err != nil {
		r.flush()
		return err
	}
	r.flush()
	return r.err
}

func (v Value) copy() Value { return Value{append([]byte(nil), v.raw...)} }

// Param returns the text of a parameter.
func (r *Run) Param(name string) string { return r.Params.Get(name).Text() }

// Items goes over the items. If the input is broken it stops, and the run
// fails.
func (r *Run) Items() iter.Seq[Item] {
	return func(yield func(Item) bool) {
		for {
			line, err := r.line()
			if err != nil {
				if !errors.Is(err, io.EOF) && r.err == nil {
					r.err = err
				}
				return
			}
			record, err := Parse(line)
			item := Item{Value: record.Get("item"), Facts: record.Get("facts")}
			if err != nil || !item.Value.Exists() {
				r.err = errors.New("a line of the input is no item: " + string(line[:min(len(line), 80)]))
				return
			}
			if !yield(item) {
				return
			}
		}
	}
}

// Prompt defines messages that queries use by their id: they are sent to the
// host once, however many queries use them.
func (r *Run) Prompt(id string, messages ...Message) {
	b := AppendString(append(r.owed, `{"prompt":{"id":`...), id)
	b = appendMessages(append(b, ','), messages)
	r.owe(append(b, "}}\n"...))
}

// Send hands a query to the host. It returns before the host has it; writing
// problems end the run.
func (r *Run) Send(q *Query) { r.owe(q.appendJSON(r.owed)) }

// Fail tells the host that an item cannot become a query. id is the id that the
// query would have had.
func (r *Run) Fail(id, message string, metadata ...Field) {
	b := AppendString(append(r.owed, `{"error":{"id":`...), id)
	b = AppendString(append(b, `,"message":`...), message)
	b = appendMetadata(b, metadata)
	r.owe(append(b, "}}\n"...))
}

const bufferSize = 64 << 10

// owe keeps output until there is enough of it, or until the next read.
func (r *Run) owe(b []byte) {
	r.owed = b
	if len(b) >= bufferSize {
		r.flush()
	}
}

// flush lets the garbage collector work first: on wasm nothing interrupts a
// goroutine that does not wait, and one that never does would fill its memory.
func (r *Run) flush() {
	runtime.Gosched()
	if len(r.owed) > 0 && r.err == nil {
		_, r.err = r.out.Write(r.owed)
	}
	r.owed = r.owed[:0]
}

// line returns the next line of the input, without its end. It is valid until
// the next call. All that is owed is written before the input is waited for.
func (r *Run) line() ([]byte, error) {
	for scanned := r.at; ; {
		for i := scanned; i < len(r.buf); i++ {
			if r.buf[i] == '\n' {
				line := r.buf[r.at:i]
				r.at = i + 1
				return line, nil
			}
		}
		if r.eof {
			if r.at < len(r.buf) {
				return nil, errors.New("the input ends in the middle of a line")
			}
			return nil, io.EOF
		}
		r.flush()
		if r.err != nil {
			return nil, r.err
		}
		r.buf = append(r.buf[:0], r.buf[r.at:]...)
		r.at, scanned = 0, len(r.buf)
		if cap(r.buf)-len(r.buf) < bufferSize/2 {
			r.buf = append(make([]byte, 0, 2*cap(r.buf)+bufferSize), r.buf...)
		}
		n, err := r.in.Read(r.buf[len(r.buf):cap(r.buf)])
		r.buf = r.buf[:len(r.buf)+n]
		if errors.Is(err, io.EOF) {
			r.eof = true
		} else if err != nil {
			return nil, err
		}
	}
}
