package httpapi

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// A conn is a connection to the server. One call uses it at a time.
type conn struct {
	net.Conn
	socket syscall.RawConn // below TLS; nil if it can't be looked at
	secure bool            // there is TLS
	reader *bufio.Reader   // of the reply under way; nil between calls
	first  [1]byte         // of the reply: what a read for ahead bytes of it brought
	ahead  int
	failed error
	left   int64     // how much may be read
	since  time.Time // when it fell idle
}

// replyBytes is how much of a reply is read at once: all of an ordinary one.
const replyBytes = 4 << 10

// readers are those that no connection needs at the moment. Thousands of calls
// wait for their replies at once, but few replies are read at once.
var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, replyBytes) }}

// newConn returns the connection over a socket, which is the same thing without
// TLS.
func newConn(c, socket net.Conn) *conn {
	n := &conn{Conn: c, secure: c != socket}
	if s, ok := socket.(syscall.Conn); ok {
		n.socket, _ = s.SyscallConn() // nil on an error
	}
	return n
}

// bounded reads no more than the connection's bound.
type bounded struct{ c *conn }

func (b bounded) Read(p []byte) (int, error) {
	if c := b.c; c.ahead > 0 || c.failed != nil {
		n, err := copy(p, c.first[:c.ahead]), c.failed
		c.ahead, c.failed = 0, nil
		return n, err
	}
	if b.c.left <= 0 {
		return 0, fmt.Errorf("the reply's header is longer than %d KiB", maxHead>>10)
	}
	n, err := b.c.Read(p[:min(int64(len(p)), b.c.left)])
	b.c.left -= int64(n)
	return n, err
}

// interrupt ends reading and writing. The connection is of no use afterwards.
func (c *conn) interrupt() { _ = c.SetDeadline(time.Unix(1, 0)) }

// quiet reports whether an idle connection is as it was left. A server that
// wants no more has closed it, and one that says something unasked is not to be
// trusted with a request.
func (c *conn) quiet() bool {
	if c.socket == nil {
		return false
	}
	quiet := false
	err := c.socket.Read(func(fd uintptr) bool {
		quiet = nothingCame(fd)
		return true
	})
	return err == nil && quiet
}

// nothingCame reports whether a socket has nothing to be read, not even its
// end.
func nothingCame(fd uintptr) bool {
	var b [1]byte
	_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	return err == syscall.EAGAIN
}

// await waits until the reply begins, with nothing in hand to put it into. That
// costs no system call more than a read that comes too soon. What is wrong with
// the socket, the read that follows will say.
//
// TLS may have read and decrypted the beginning with what was before it, so a
// socket below it can wait in vain. There it reads a byte; TLS keeps the rest.
func (c *conn) await() {
	if c.secure {
		c.ahead, c.failed = c.Read(c.first[:])
		return
	}
	if c.socket == nil {
		return
	}
	waited := false
	_ = c.socket.Read(func(fd uintptr) bool {
		if waited {
			return true
		}
		waited = true
		return !nothingCame(fd)
	})
}

// release gives the reader back after a reply that was read to its end. It
// returns false if the server said more than that.
func (c *conn) release() bool {
	if c.reader.Buffered() > 0 {
		return false
	}
	c.reader.Reset(nil)
	readers.Put(c.reader)
	c.reader = nil
	return true
}

// roundTrip writes a request and reads the reply's head. A server may answer
// before it has read everything, and hang up.
func (c *conn) roundTrip(request []byte) (reply *http.Response, sent bool, err error) {
	n, err := c.Write(request)
	if err == nil {
		reply, err = c.readHead()
		return reply, true, err
	}
	if n > 0 {
		_ = c.SetReadDeadline(time.Now().Add(time.Second))
		if early, failed := c.readHead(); failed == nil {
			return early, false, nil
		}
	}
	return nil, false, err
}

// maxInterim is how many 1xx replies a server may send first.
const maxInterim = 5

func (c *conn) readHead() (*http.Response, error) {
	c.left = maxHead
	if c.reader == nil {
		c.await()
		c.reader = readers.Get().(*bufio.Reader)
		c.reader.Reset(bounded{c})
	}
	for range maxInterim + 1 {
		reply, err := http.ReadResponse(c.reader, nil)
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		if reply.StatusCode >= 200 {
			c.left = math.MaxInt64
			return reply, nil
		}
		if reply.StatusCode == http.StatusSwitchingProtocols {
			return nil, fmt.Errorf("the server answered %s unasked", reply.Status)
		}
	}
	return nil, fmt.Errorf("the server sent more than %d interim replies", maxInterim)
}

// A replyBody is the body of a reply. Its end is the end of the exchange.
type replyBody struct {
	inner    io.ReadCloser // never closed: that would read on
	pool     *pool
	conn     *conn
	attended func() bool // ends the watch over ctx; false if ctx was done
	keep     bool        // the server keeps the connection
	ended    bool
}

func (b *replyBody) Read(p []byte) (int, error) {
	n, err := b.inner.Read(p)
	if err == io.EOF {
		b.ended = true
	}
	return n, err
}

// Close keeps the connection if everything was read.
func (b *replyBody) Close() error {
	b.inner = http.NoBody // the reader may be another's soon
	if b.attended() && b.ended && b.keep && b.conn.release() {
		b.pool.put(b.conn)
		return nil
	}
	return b.conn.Close()
}
