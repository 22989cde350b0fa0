package httpapi

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// maxErrorBody is as much of an error's body as anybody reads.
const maxErrorBody = 1 << 20

// Post sends body (JSON) to path below the base URL, once, and returns a reply
// with a status of 200 to 299. Everything else is an [*sdk.Error]. The caller
// closes the reply; body must not change until Post has returned.
func (c *Client) Post(ctx context.Context, path string, body []byte) (*Reply, error) {
	ctx, cancel := c.deadline(ctx)
	defer cancel()
	start := time.Now()
	sent := new(sending)
	resp, err := c.transport.RoundTrip(c.request(sent.watch(ctx), path, body))
	if err != nil {
		return nil, c.broken(ctx, sent.complete(), err)
	}
	defer resp.Body.Close()
	limit := c.maxReply
	if resp.StatusCode > 299 {
		limit = min(limit, maxErrorBody)
	}
	reply := &Reply{client: c, status: resp.StatusCode, header: resp.Header, body: takeBuffer()}
	n, err := reply.body.ReadFrom(&io.LimitedReader{R: resp.Body, N: limit + 1})
	reply.Latency = time.Since(start)
	switch {
	case resp.StatusCode > 299:
		// The status has said it all; a broken error body takes nothing back.
		defer reply.Close()
		e := StatusError(resp.StatusCode, resp.Header, reply.body.Bytes())
		return nil, c.clean(e)
	case err != nil:
		defer reply.Close()
		return nil, reply.carry(c.broken(ctx, true, err))
	case n > limit:
		defer reply.Close()
		return nil, reply.Errorf(sdk.BadResponse, "the reply is longer than %d MiB", c.maxReply>>20)
	}
	return reply, nil
}

// request builds the request by hand: without GetBody, which is net/http's
// licence to send a request a second time.
func (c *Client) request(ctx context.Context, path string, body []byte) *http.Request {
	u := c.base
	u.Path += path
	r := &http.Request{
		Method: http.MethodPost, URL: &u, Host: u.Host, Header: c.header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
	return r.WithContext(ctx)
}

// sending learns whether the whole request was handed to the connection. Up to
// then the vendor can't have acted on it.
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

// broken is the error of a call without a usable HTTP reply.
func (c *Client) broken(ctx context.Context, sent bool, err error) *sdk.Error {
	if ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
		err = fmt.Errorf("%w (%w)", context.Cause(ctx), err)
	}
	e := sdk.Errorf(sdk.Unreachable, "the request to %s was not sent: %w%s", c.base.Host, err, hint(err))
	if sent {
		e = sdk.Errorf(sdk.InDoubt, "the request to %s was sent, its reply did not arrive: %w", c.base.Host, err)
	}
	return c.clean(e)
}

// clean takes secrets out of what the error says.
func (c *Client) clean(e *sdk.Error) *sdk.Error {
	e.Message = c.redactor.Redact(e.Message)
	e.Code = c.redactor.Redact(e.Code)
	e.RequestID = c.redactor.Redact(e.RequestID)
	return e
}

// hint tells how to mend the common reasons for which a vendor is not reached.
func hint(err error) string {
	var unknown x509.UnknownAuthorityError
	var record tls.RecordHeaderError
	var dns *net.DNSError
	switch {
	case errors.As(err, &unknown):
		return "; if your network has a certificate authority of its own, set ca_file or SSL_CERT_FILE to its certificate"
	case errors.As(err, &record):
		return "; the server does not speak TLS: is the base URL's https:// right?"
	case errors.As(err, &dns) && dns.IsNotFound:
		return "; is the base URL's host right?"
	}
	return ""
}
