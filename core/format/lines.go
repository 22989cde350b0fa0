package format

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// MaxLine is how long a line may be by default: the size of a message that a
// provider takes.
const MaxLine = 32 << 20

// Input names a file and bounds its lines.
type Input struct {
	// Name is the file in errors. Empty: "-".
	Name string
	// MaxLine bounds a line in bytes, its end not counted. 0 is [MaxLine].
	MaxLine int
	// KeepGoing turns a row of queries that cannot be read into an
	// [*sdk.ItemError] with the id NAME:LINE, and goes on with the next.
	// Without it such a row ends the file.
	KeepGoing bool
	// Unique says that the ids are known to be unique, from an earlier reading:
	// they are not looked at again.
	Unique bool
	// Glance says that the queries are only looked at: each is valid until the
	// next one is read, and those of NDJSON take no memory of their own.
	Glance bool
}

// A Line is one line of a file, without its end.
type Line struct {
	// Text is valid until the next line is read.
	Text []byte
	// Number counts from 1, Byte is the offset of the first byte.
	Number, Byte int64
}

// A LineReader splits a file into lines that are not empty. It takes LF and
// CRLF, drops a byte order mark, and refuses bytes that are not text.
type LineReader struct {
	in     Input
	r      *bufio.Reader
	number int64
	offset int64
	last   Line   // without its text
	long   []byte // a line that is longer than the reader's buffer
}

// NewLineReader returns a reader of r.
func NewLineReader(r io.Reader, in Input) *LineReader {
	if in.Name == "" {
		in.Name = "-"
	}
	if in.MaxLine <= 0 {
		in.MaxLine = MaxLine
	}
	return &LineReader{in: in, r: bufio.NewReaderSize(r, 64<<10)}
}

// Next returns the next line that is not empty; io.EOF after the last. After
// an [*Error] about one line the reader may be asked for the next one; after
// an error of the file itself it may not.
func (l *LineReader) Next() (Line, error) {
	for {
		line, err := l.read()
		if err != nil {
			return Line{}, err
		}
		if len(bytes.TrimSpace(line.Text)) == 0 {
			continue
		}
		if c := packedBy(line); c != Plain {
			return Line{}, l.FailFile(fmt.Sprintf("these are %s data, and the name does not say so: give the file a name that ends in %s, or unpack it first", c, suffixes[c]), nil)
		}
		if i := bytes.IndexByte(line.Text, 0); i >= 0 {
			return Line{}, l.Fail(line, fmt.Sprintf("a NUL byte at column %d: this is not a text file, or it is UTF-16; convert it to UTF-8", i+1), nil)
		}
		if !utf8.Valid(line.Text) {
			return Line{}, l.Fail(line, fmt.Sprintf("not valid UTF-8 at column %d; convert the file to UTF-8", invalidAt(line.Text)+1), nil)
		}
		return line, nil
	}
}

// Fail returns an error about a line.
func (l *LineReader) Fail(line Line, problem string, err error) *Error {
	return &Error{File: l.in.Name, Line: line.Number, Byte: line.Byte, Problem: problem, Err: err}
}

// place is where the latest line is, for an error about it.
func (l *LineReader) place() Error {
	return Error{File: l.in.Name, Line: l.last.Number, Byte: l.last.Byte}
}

// FailFile returns an error about the file as a whole.
func (l *LineReader) FailFile(problem string, err error) *Error {
	return &Error{File: l.in.Name, Problem: problem, Err: err, last: true}
}

// read returns the next line, empty or not.
func (l *LineReader) read() (Line, error) {
	line := Line{Number: l.number + 1, Byte: l.offset}
	l.last = line
	l.long = l.long[:0]
	size := 0
	for {
		piece, err := l.r.ReadSlice('\n')
		l.offset += int64(len(piece))
		size += len(piece)
		tooLong := size > l.in.MaxLine+2 // CRLF is not counted
		switch {
		case err == nil || (errors.Is(err, io.EOF) && size > 0):
			l.number++
			if tooLong {
				return line, l.tooLong(line)
			}
			line.Text = piece
			if len(l.long) > 0 {
				l.long = append(l.long, piece...)
				line.Text = l.long
			}
			line.Text = l.trim(line)
			if len(line.Text) > l.in.MaxLine {
				return line, l.tooLong(line)
			}
			return line, nil
		case errors.Is(err, bufio.ErrBufferFull):
			if !tooLong {
				l.long = append(l.long, piece...)
			}
		case errors.Is(err, io.EOF):
			return Line{}, io.EOF
		default:
			e := l.Fail(line, err.Error(), err)
			e.last = true
			return Line{}, e
		}
	}
}

func (l *LineReader) tooLong(line Line) error {
	return l.Fail(line, fmt.Sprintf("the line is longer than %d bytes; is it one JSON object a line?", l.in.MaxLine), nil)
}

// trim takes the end of a line off, and the byte order mark at the beginning.
func (l *LineReader) trim(line Line) []byte {
	text := bytes.TrimSuffix(line.Text, []byte("\n"))
	text = bytes.TrimSuffix(text, []byte("\r"))
	if line.Number == 1 {
		text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	}
	return text
}

func invalidAt(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(b)
}

// suffixes are what names of packed files end in, magics what their data begin
// with.
var (
	suffixes = map[Compression]string{Gzip: ".gz", Zstd: ".zst"}
	magics   = map[Compression]string{Gzip: "\x1f\x8b\x08", Zstd: "\x28\xb5\x2f\xfd"}
)

// packedBy tells from the first line what a file is packed by.
func packedBy(line Line) Compression {
	if line.Byte > 0 {
		return Plain
	}
	for c, magic := range magics {
		if bytes.HasPrefix(line.Text, []byte(magic)) {
			return c
		}
	}
	return Plain
}
