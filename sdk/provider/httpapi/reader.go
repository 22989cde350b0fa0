package httpapi

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"sync"
)

// A reader reads a reply from a connection.
type reader struct{ *bufio.Reader }

// replyBytes is how much of a reply is read at once: all of an ordinary one.
const replyBytes = 4 << 10

// readers are those that no connection needs at the moment. Thousands of calls
// wait for their replies at once, but few replies are read at once.
var readers = sync.Pool{New: func() any { return &reader{bufio.NewReaderSize(nil, replyBytes)} }}

func takeReader(from io.Reader) *reader {
	r := readers.Get().(*reader)
	r.Reset(from)
	return r
}

func giveReader(r *reader) {
	r.Reset(nil)
	readers.Put(r)
}

// peek returns a reply's head, and consumes nothing. It is nil for one that does
// not fit, and as soon as it can't become an ordinary one: net/http may find its
// end where nobody else would wait for none.
func (r *reader) peek() (head, error) {
	for {
		seen, _ := r.Peek(r.Buffered())
		if end := bytes.Index(seen, headEnd); end >= 0 {
			return head(seen[:end+len(headEnd)]), nil
		}
		if len(seen) == r.Size() || !promising(seen) {
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
	if err := r.copy(reply, f.length); err != nil {
		return false, err
	}
	return !f.closing && r.Buffered() == 0, nil
}

// chunked reads a body in chunks. What follows the last is an empty line, or
// headers that nobody waits for.
func (r *reader) chunked(reply *Reply, f framing) (keep bool, err error) {
	extra := int64(0)
	for last := false; !last; {
		n, size, err := r.chunk()
		if err != nil {
			return false, err
		}
		// Those who send byte by byte may; nobody needs more words than that.
		if extra = max(0, extra+size-16-2*n); extra > maxExtra {
			return false, errChunk
		}
		if err := r.copy(reply, n); err != nil {
			return false, err
		}
		end, err := r.Peek(len(crlf))
		if err != nil {
			return false, whole(err)
		}
		last, keep = n == 0, bytes.Equal(end, crlf)
		if !last && !keep {
			return false, errChunk
		}
		_, _ = r.Discard(len(crlf))
	}
	return keep && !f.closing && r.Buffered() == 0, nil
}

// errChunk is a body's whose chunks nobody can tell apart.
var errChunk = errors.New("the reply's chunks are malformed")

// maxExtra bounds what stands between chunks beside their lengths, as net/http
// does: a server could go on with that for ever, and no bound on the reply's
// length would end it.
const maxExtra = 16 << 10

// chunk reads the line before a chunk, and returns the chunk's length and the
// line's.
func (r *reader) chunk() (n, size int64, err error) {
	line, err := r.ReadSlice('\n')
	if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
		return 0, 0, whole(err)
	}
	size = int64(len(line))
	line, ok := bytes.CutSuffix(line, crlf)
	if !ok || bytes.IndexByte(line, '\r') >= 0 {
		return 0, 0, errChunk
	}
	digits, _, _ := bytes.Cut(bytes.TrimRight(line, " \t"), []byte(";"))
	length, err := strconv.ParseUint(string(digits), 16, 60)
	if err != nil || len(digits) > 16 {
		return 0, 0, errChunk
	}
	return int64(length), size, nil
}

// copy takes the next n bytes over into the reply. It is not deep in the stack
// when it waits for them, because TLS needs much of it.
func (r *reader) copy(reply *Reply, n int64) error {
	for n > 0 {
		if r.Buffered() == 0 {
			if _, err := r.Peek(1); err != nil {
				return whole(err)
			}
		}
		some, _ := r.Peek(int(min(n, int64(r.Buffered()))))
		if err := reply.add(some); err != nil {
			return err
		}
		_, _ = r.Discard(len(some))
		n -= int64(len(some))
	}
	return nil
}

// whole is the error of a reply that ended too soon.
func whole(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
