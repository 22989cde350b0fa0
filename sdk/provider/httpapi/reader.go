package httpapi

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http/httputil"
	"sync"
)

// A reader reads a reply from a connection.
type reader struct {
	*bufio.Reader
	part io.LimitedReader // the reply's body
}

// replyBytes is how much of a reply is read at once: all of an ordinary one.
const replyBytes = 4 << 10

// readers are those that no connection needs at the moment. Thousands of calls
// wait for their replies at once, but few replies are read at once.
var readers = sync.Pool{New: func() any { return &reader{Reader: bufio.NewReaderSize(nil, replyBytes)} }}

func takeReader(from io.Reader) *reader {
	r := readers.Get().(*reader)
	r.Reset(from)
	return r
}

func giveReader(r *reader) {
	r.Reset(nil)
	r.part.R = nil
	readers.Put(r)
}

// peek returns a reply's head, and consumes nothing. It is nil for one that does
// not fit.
func (r *reader) peek() (head, error) {
	for {
		seen, _ := r.Peek(r.Buffered())
		if end := bytes.Index(seen, headEnd); end >= 0 {
			return head(seen[:end+len(headEnd)]), nil
		}
		if len(seen) == r.Size() {
			return nil, nil
		}
		if _, err := r.Peek(len(seen) + 1); err != nil {
			return nil, whole(err)
		}
	}
}

var headEnd = []byte("\r\n\r\n")

// begin takes an ordinary head over into the reply.
func (r *reader) begin(reply *Reply, h head, f framing) {
	reply.beginOrdinary(h, f)
	_, _ = r.Discard(len(h)) // it is buffered
}

// sized reads a body of a length that is known. keep says whether the connection
// can take another call: the server neither closes it nor has sent anything more.
func (r *reader) sized(reply *Reply, f framing) (keep bool, err error) {
	r.part = io.LimitedReader{R: r.Reader, N: f.length}
	if err := reply.read(&r.part); err != nil {
		return false, err
	}
	if r.part.N > 0 {
		return false, io.ErrUnexpectedEOF
	}
	return !f.closing && r.Buffered() == 0, nil
}

// chunked reads a body in chunks. What follows it is an empty line, or headers
// that nobody waits for.
func (r *reader) chunked(reply *Reply, f framing) (keep bool, err error) {
	if err := reply.read(httputil.NewChunkedReader(r.Reader)); err != nil {
		return false, err
	}
	end, err := r.Peek(len(crlf))
	if err != nil {
		return false, whole(err)
	}
	_, _ = r.Discard(len(crlf))
	return !f.closing && bytes.Equal(end, crlf) && r.Buffered() == 0, nil
}

// whole is the error of a reply that ended too soon.
func whole(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
