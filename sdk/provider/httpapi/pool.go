package httpapi

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// A pool is the transport to a server that is reached directly: HTTP/1.1 over
// connections that whoever makes a call writes to and reads from itself.
// RATIONALE.md says why.
type pool struct {
	addr    string
	tls     *tls.Config // nil for plain HTTP
	host    string
	path    string // of the base URL, escaped
	header  []byte // the lines that all requests have
	timeout time.Duration
	shaking chan struct{} // has an element for each TLS handshake that is under way

	mu     sync.Mutex
	idle   []*conn // the one used last is at the end
	sweep  *time.Timer
	closed bool
}

var _ transport = (*pool)(nil)

func newPool(base *url.URL, config *tls.Config, header http.Header, timeout time.Duration) *pool {
	p := &pool{host: base.Host, path: base.EscapedPath(), timeout: timeout, shaking: make(chan struct{}, maxShaking)}
	port := base.Port()
	if base.Scheme == "https" {
		config.ServerName = base.Hostname()
		config.NextProtos = []string{"http/1.1"}
		config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		config.DynamicRecordSizingDisabled = true // a request is one write
		p.tls = config
		port = cmp.Or(port, "443")
	}
	p.addr = net.JoinHostPort(base.Hostname(), cmp.Or(port, "80"))
	var lines bytes.Buffer
	_ = header.Write(&lines) // a buffer takes everything
	p.header = lines.Bytes()
	return p
}

// exchange implements transport.
func (p *pool) exchange(ctx context.Context, method, path, query string, body *bytes.Buffer, reply *Reply) (sent bool, err error) {
	c, err := p.take(ctx)
	if err != nil {
		return false, err
	}
	var deadline time.Time // none: ctx has it
	if _, bounded := ctx.Deadline(); !bounded {
		deadline = time.Now().Add(p.timeout)
	}
	_ = c.SetDeadline(deadline)
	attended := attend(ctx, c.interrupt)
	n, err := p.send(c, method, path, query, body)
	keep := false
	switch {
	case err == nil:
		sent = true
		keep, err = c.receive(reply)
	case n > 0: // a server may answer before it has read everything, and hang up
		_ = c.SetReadDeadline(time.Now().Add(time.Second))
		if _, failed := c.receive(reply); reply.status != 0 {
			err = failed
		}
	}
	if attended() && keep {
		p.put(c)
	} else {
		c.Close()
	}
	return sent, err
}

// send writes a request to c in one piece. Nothing of it is kept while the reply
// is waited for.
func (p *pool) send(c *conn, method, path, query string, body *bytes.Buffer) (n int, err error) {
	request := takeBuffer()
	defer giveBuffer(request)
	p.writeHead(request, method, path, query, body)
	if body != nil {
		request.Write(body.Bytes())
		giveBuffer(body)
	}
	return c.Write(request.Bytes())
}

// writeHead writes a request up to its body, which is nil for none.
func (p *pool) writeHead(b *bytes.Buffer, method, path, query string, body *bytes.Buffer) {
	b.WriteString(method)
	b.WriteByte(' ')
	b.WriteString(p.path)
	b.WriteString((&url.URL{Path: path}).EscapedPath())
	if p.path == "" && path == "" {
		b.WriteByte('/')
	}
	if query != "" {
		b.WriteByte('?')
		b.WriteString(query)
	}
	b.WriteString(" HTTP/1.1\r\nHost: ")
	b.WriteString(p.host)
	b.WriteString("\r\n")
	b.Write(p.header)
	if body != nil {
		b.WriteString("Content-Length: ")
		b.Write(strconv.AppendInt(b.AvailableBuffer(), int64(body.Len()), 10))
		b.WriteString("\r\n")
	}
	b.WriteString("\r\n")
}

// take returns a connection that the server has not dropped, a new one if
// need be.
func (p *pool) take(ctx context.Context) (*conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for {
		p.mu.Lock()
		last := len(p.idle) - 1
		if last < 0 {
			p.mu.Unlock()
			return p.dial(ctx)
		}
		c := p.idle[last]
		p.idle[last], p.idle = nil, p.idle[:last]
		p.mu.Unlock()
		if time.Since(c.since) < idleTimeout && c.quiet() {
			return c, nil
		}
		c.Close()
	}
}

// maxShaking bounds the handshakes with one server at once. With thousands each
// would take as long as all of them, and hold its stack and its buffers for that
// time.
const maxShaking = 256

// dial opens a connection.
func (p *pool) dial(ctx context.Context) (*conn, error) {
	plain, err := aside(func() (net.Conn, error) { return dialer().DialContext(ctx, "tcp", p.addr) })
	if err != nil {
		return nil, err
	}
	if p.tls == nil {
		return newConn(plain, plain), nil
	}
	select {
	case p.shaking <- struct{}{}:
		defer func() { <-p.shaking }()
	case <-ctx.Done():
		plain.Close()
		return nil, context.Cause(ctx)
	}
	secure, err := aside(func() (net.Conn, error) { return p.shake(ctx, plain) })
	if err != nil {
		plain.Close()
		return nil, err
	}
	return newConn(secure, plain), nil
}

func (p *pool) shake(ctx context.Context, plain net.Conn) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	secure := tls.Client(plain, p.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("TLS handshake: %w", err)
	}
	return secure, nil
}

// aside opens something on a goroutine of its own: that needs a deep stack, and a
// worker would keep it for as long as it lives.
func aside(open func() (net.Conn, error)) (c net.Conn, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err = open()
	}()
	<-done
	return c, err
}

// put keeps a connection for the next call.
func (p *pool) put(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		c.Close()
		return
	}
	_ = c.SetDeadline(time.Time{}) // the call's would spoil the look at it
	c.since = time.Now()
	p.idle = append(p.idle, c)
	if p.sweep == nil {
		p.sweep = time.AfterFunc(idleTimeout, p.drop)
	}
}

// drop closes the connections that nobody has used for long.
func (p *pool) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sweep = nil
	if p.closed {
		return
	}
	n := 0
	for n < len(p.idle) && time.Since(p.idle[n].since) >= idleTimeout {
		p.idle[n].Close()
		n++
	}
	p.idle = append(p.idle[:0], p.idle[n:]...)
	clear(p.idle[len(p.idle) : len(p.idle)+n])
	if len(p.idle) > 0 {
		p.sweep = time.AfterFunc(idleTimeout-time.Since(p.idle[0].since), p.drop)
	}
}

// close implements transport.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, c := range p.idle {
		c.Close()
	}
	p.idle = nil
	if p.sweep != nil {
		p.sweep.Stop()
	}
}
