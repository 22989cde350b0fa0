package httpapi

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"time"
)

// A conn is a connection to the server. One call uses it at a time.
type conn struct {
	net.Conn
	interrupt func()  // ends reading and writing, for good
	secure    bool    // there is TLS
	socket    socket  // below TLS
	first     [1]byte // of the reply: what a read for ahead bytes of it brought
	ahead     int
	failed    error
	left      int64     // how much may be read
	since     time.Time // when it fell idle
}

// newConn returns the connection over a socket, which is the same thing without
// TLS.
func newConn(c, below net.Conn) *conn {
	n := &conn{Conn: c, secure: c != below}
	n.interrupt = func() { _ = below.Close() } // a deadline would be put off by the next one
	n.socket.open(below)
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

// quiet reports whether an idle connection is as it was left. A server that
// wants no more has closed it, and one that says something unasked is not to be
// trusted with a request.
//
// TLS may hold more than the reply that was read, where the socket does not show
// it: there a read that is not let wait has to find nothing.
func (c *conn) quiet() bool {
	if !c.socket.quiet() {
		return false
	}
	if !c.secure {
		return true
	}
	_ = c.SetReadDeadline(past)
	_, err := c.Read(c.first[:])
	return errors.Is(err, os.ErrDeadlineExceeded)
}

// past is a deadline that lets nothing wait.
var past = time.Unix(1, 0)

// await waits until the reply begins, with nothing in hand to put it into. That
// costs no system call more than a read that comes too soon.
//
// TLS may have read and decrypted the beginning with what was before it, so a
// socket below it can wait in vain. There it reads a byte; TLS keeps the rest.
func (c *conn) await() {
	if c.secure {
		c.ahead, c.failed = c.Read(c.first[:])
		return
	}
	c.socket.await()
}

// maxInterim is how many 1xx replies a server may send first.
const maxInterim = 5

// receive reads a reply. The error is nil if all of it was read; the
// connection is not to be used again unless keep says so.
func (c *conn) receive(reply *Reply) (keep bool, err error) {
	c.await()
	c.left = maxHead
	r := takeReader(bounded{c})
	defer giveReader(r)
	for range maxInterim + 1 {
		h, err := r.peek()
		if err != nil {
			return false, err
		}
		if f, ok := h.ordinary(); ok {
			c.left = math.MaxInt64
			r.begin(reply, h, f)
			if f.length < 0 {
				return r.chunked(reply, f)
			}
			return r.sized(reply, f)
		}
		if keep, err := c.unusual(r, reply); err != nil || reply.status != 0 {
			return keep, err
		}
	}
	return false, fmt.Errorf("the server sent more than %d interim replies", maxInterim)
}

// unusual has net/http read a reply, of which there is more to come if reply has
// no status afterwards.
func (c *conn) unusual(r *reader, reply *Reply) (keep bool, err error) {
	resp, err := http.ReadResponse(r.Reader, nil) //nolint:bodyclose // that would read on to its end, however far it is
	switch {
	case err != nil:
		return false, whole(err)
	case resp.StatusCode == http.StatusSwitchingProtocols:
		return false, fmt.Errorf("the server answered %s unasked", resp.Status)
	case resp.StatusCode < 200:
		return false, nil
	}
	c.left = math.MaxInt64
	reply.begin(resp.StatusCode, resp.Header)
	err = reply.read(resp.Body)
	return err == nil && !resp.Close && r.Buffered() == 0, err
}
