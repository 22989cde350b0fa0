package httpapi

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"
)

// A transport makes exchanges with one server: one request, one reply, and
// nothing is ever sent a second time. It is safe for concurrent use.
type transport interface {
	// exchange sends a request for a path below the base URL, with a query or
	// without, and reads the reply into reply, which has a status as soon as its
	// head has come, whatever the error. sent says whether the whole request was
	// handed to the connection: up to then the server can't have acted on it. It
	// ends when ctx does; a ctx without a deadline gets the transport's timeout.
	// body is nil for none, and the transport's from then on.
	exchange(ctx context.Context, method, path, query string, body *bytes.Buffer, reply *Reply) (sent bool, err error)
	// close closes idle connections. Exchanges that are under way end as they
	// would.
	close()
}

const (
	dialTimeout      = 15 * time.Second
	keepAlive        = 30 * time.Second
	handshakeTimeout = 15 * time.Second
	idleTimeout      = 45 * time.Second
	maxHead          = 256 << 10
)

func dialer() *net.Dialer { return &net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlive} }

// attend calls do, in a goroutine of its own, when ctx ends before stop is
// called. A context that can do so by itself, such as a plugin's call has, needs
// less memory for it than package context.
func attend(ctx context.Context, do func()) (stop func() bool) {
	if c, ok := ctx.(interface{ AfterFunc(func()) func() bool }); ok {
		return c.AfterFunc(do)
	}
	return context.AfterFunc(ctx, do)
}

// proxied is the transport through a proxy: net/http, which knows all kinds of
// them.
type proxied struct {
	http.Transport
	base    url.URL
	header  http.Header // shared by all requests; a RoundTripper must not change it
	timeout time.Duration
}

var _ transport = (*proxied)(nil)

func (p *proxied) exchange(ctx context.Context, method, path, query string, body *bytes.Buffer, reply *Reply) (bool, error) {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.timeout)
		defer cancel()
	}
	u := p.base
	u.Path += path
	u.RawQuery = query
	sent := new(sending)
	resp, err := p.RoundTrip(p.request(sent.watch(ctx), method, &u, body))
	if err != nil {
		return sent.complete(), err
	}
	defer resp.Body.Close()
	reply.begin(resp.StatusCode, resp.Header)
	err = reply.read(resp.Body)
	return sent.complete(), err
}

// request builds the request by hand: without GetBody, which is net/http's
// licence to send a request a second time.
func (p *proxied) request(ctx context.Context, method string, u *url.URL, body *bytes.Buffer) *http.Request {
	r := &http.Request{
		Method: method, URL: u, Host: u.Host, Header: p.header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if body != nil {
		// Never given back: net/http may read it for longer than RoundTrip takes.
		r.Body, r.ContentLength = io.NopCloser(body), int64(body.Len())
	}
	return r.WithContext(ctx)
}

func (p *proxied) close() { p.CloseIdleConnections() }

// sending learns whether the whole request was handed to the connection.
type sending struct {
	trace httptrace.ClientTrace
	done  atomic.Bool
}

func (s *sending) watch(ctx context.Context) context.Context {
	s.trace.WroteRequest = func(info httptrace.WroteRequestInfo) { s.done.Store(info.Err == nil) }
	return httptrace.WithClientTrace(ctx, &s.trace)
}

// complete is meaningful once RoundTrip has returned: it waits for its writer.
func (s *sending) complete() bool { return s.done.Load() }
