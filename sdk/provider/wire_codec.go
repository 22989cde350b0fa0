package provider

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// What a query and its answer are on the wire is written and read here by hand,
// from and into the types of sdk: by way of the generated types it would cost
// twice as much. A test holds both to each other.

// An encoder appends the fields of a message. Fields that have their zero value
// are left out, as proto3 wants it.
type encoder struct {
	buf []byte
	err error // the first text that is no UTF-8
}

func (e *encoder) text(n protowire.Number, s string) {
	if s != "" {
		e.element(n, s)
	}
}

// element is text that is there if it is empty too.
func (e *encoder) element(n protowire.Number, s string) {
	if e.err == nil && !utf8.ValidString(s) {
		e.err = fmt.Errorf("field %d contains invalid UTF-8", n)
	}
	e.buf = protowire.AppendString(protowire.AppendTag(e.buf, n, protowire.BytesType), s)
}

func (e *encoder) bytes(n protowire.Number, b []byte) {
	if len(b) > 0 {
		e.buf = protowire.AppendBytes(protowire.AppendTag(e.buf, n, protowire.BytesType), b)
	}
}

func (e *encoder) integer(n protowire.Number, v int64) {
	if v != 0 {
		e.optional(n, v)
	}
}

// optional is integer that is there if it is 0 too.
func (e *encoder) optional(n protowire.Number, v int64) {
	e.buf = protowire.AppendVarint(protowire.AppendTag(e.buf, n, protowire.VarintType), uint64(v))
}

func (e *encoder) double(n protowire.Number, v float64) {
	e.buf = protowire.AppendFixed64(protowire.AppendTag(e.buf, n, protowire.Fixed64Type), math.Float64bits(v))
}

// message appends a message whose fields write appends.
func (e *encoder) message(n protowire.Number, write func()) {
	e.buf = protowire.AppendTag(e.buf, n, protowire.BytesType)
	start := len(e.buf)
	write()
	var size [10]byte
	e.buf = slices.Insert(e.buf, start, protowire.AppendVarint(size[:0], uint64(len(e.buf)-start))...)
}

// fields reads a message field by field. What the reader does not ask for is
// skipped. Texts are parts of the message: nothing may change it afterwards.
// What no ordinary writer writes is an error, though it may be legal: see
// [plainly].
type fields struct {
	rest []byte
	err  error
	once uint64 // the fields that there was a message of, a bit each

	// Of the present field.
	num    protowire.Number
	kind   protowire.Type
	number uint64
	data   []byte
}

// next goes on to the next field. It returns false at the end and at an error.
func (f *fields) next() bool {
	if f.err == nil && len(f.rest) > 0 {
		f.consume()
		return f.err == nil
	}
	return false
}

func (f *fields) consume() {
	var size int
	if f.num, f.kind, size = protowire.ConsumeTag(f.rest); size >= 0 {
		f.rest = f.rest[size:]
		switch f.kind {
		case protowire.VarintType:
			f.number, size = protowire.ConsumeVarint(f.rest)
		case protowire.Fixed64Type:
			f.number, size = protowire.ConsumeFixed64(f.rest)
		case protowire.BytesType:
			f.data, size = protowire.ConsumeBytes(f.rest)
		default:
			size = protowire.ConsumeFieldValue(f.num, f.kind, f.rest)
		}
	}
	switch {
	case size < 0:
		f.err = protowire.ParseError(size)
	case f.num > protowire.MaxValidNumber:
		f.err = fmt.Errorf("there is no field %d", f.num)
	default:
		f.rest = f.rest[size:]
	}
}

var errFieldType = errors.New("a field has another type than the contract says")

// is reports whether the present field is of that type; if not, the message is
// in error.
func (f *fields) is(kind protowire.Type) bool {
	if f.kind != kind && f.err == nil {
		f.err = fmt.Errorf("field %d: %w", f.num, errFieldType)
	}
	return f.kind == kind
}

func (f *fields) text() string { return f.textOf(f.bytes()) }

func (f *fields) textOf(b []byte) string {
	if f.err == nil && !utf8.Valid(b) {
		f.err = fmt.Errorf("field %d contains invalid UTF-8", f.num)
	}
	// A copy would be as large as the message: nobody writes to its bytes.
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// bytes is valid as long as the message's own bytes are.
func (f *fields) bytes() []byte {
	if !f.is(protowire.BytesType) {
		return nil
	}
	return f.data
}

func (f *fields) integer() int64 {
	if !f.is(protowire.VarintType) {
		return 0
	}
	return int64(f.number)
}

func (f *fields) double() float64 {
	if !f.is(protowire.Fixed64Type) {
		return 0
	}
	return math.Float64frombits(f.number)
}

// nested returns a reader of the present field, which is a message. Once it is
// through, [fields.adopt] takes its error over.
func (f *fields) nested() fields { return fields{rest: f.bytes()} }

var errTwice = errors.New("there are two messages in a field for one")

// single is nested for a message that there is one of.
func (f *fields) single() fields {
	if bit := uint64(1) << f.num; f.once&bit == 0 {
		f.once |= bit
	} else if f.err == nil {
		f.err = fmt.Errorf("field %d: %w", f.num, errTwice)
	}
	return f.nested()
}

func (f *fields) adopt(err error) {
	if f.err == nil && err != nil {
		f.err = fmt.Errorf("field %d: %w", f.num, err)
	}
}

// entry reads an entry of a map.
func (f *fields) entry() (key string, value []byte) {
	in := f.nested()
	for in.next() {
		switch in.num {
		case 1:
			key = in.text()
		case 2:
			value = in.bytes()
		}
	}
	f.adopt(in.err)
	return key, value
}

// plainly returns a message as it is usually written, or an error if it is none. Other
// writers may write it otherwise: two messages in a field for one are to be
// merged, and a field of another type is one that we do not know.
func plainly(data []byte, m proto.Message) ([]byte, error) {
	if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(data, m); err != nil {
		return nil, err
	}
	return proto.Marshal(m)
}
