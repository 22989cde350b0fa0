package httpapi

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// NewBody returns an empty buffer for the body of a request. [Client.PostBody]
// takes it back.
func NewBody() *bytes.Buffer { return takeBuffer() }

// PostBody sends body (JSON) to path below the base URL, once, and returns a
// reply with a status of 200 to 299. Everything else is an [*sdk.Error]. The
// caller closes the reply. body is PostBody's from then on: another call uses its
// memory as soon as it is sent.
func (c *Client) PostBody(ctx context.Context, path string, body *bytes.Buffer) (*Reply, error) {
	return c.send(ctx, http.MethodPost, path, "", body)
}

// Post is PostBody for a body that stays the caller's. It must not change until
// Post has returned.
func (c *Client) Post(ctx context.Context, path string, body []byte) (*Reply, error) {
	b := NewBody()
	b.Write(body)
	return c.PostBody(ctx, path, b)
}

// Get is Post without a body, for what costs nothing, such as a list of models.
// query is the URL's, such as limit=1, or empty.
func (c *Client) Get(ctx context.Context, path, query string) (*Reply, error) {
	return c.send(ctx, http.MethodGet, path, query, nil)
}

func (c *Client) send(ctx context.Context, method, path, query string, body *bytes.Buffer) (*Reply, error) {
	start := time.Now()
	query = strings.Trim(c.base.RawQuery+"&"+query, "&")
	reply := &Reply{client: c}
	sent, err := c.transport.exchange(ctx, method, path, query, body, reply)
	reply.Latency = time.Since(start)
	if err != nil || reply.status > 299 {
		return nil, c.failure(ctx, reply, sent, err)
	}
	return reply, nil
}

// failure is the error of an exchange that did not bring what it should.
func (c *Client) failure(ctx context.Context, reply *Reply, sent bool, err error) *sdk.Error {
	defer reply.Close()
	switch {
	case reply.status == 0:
		return c.broken(ctx, sent, err)
	case reply.status > 299:
		// The status has said it all; a broken error body takes nothing back.
		e := StatusError(reply.status, reply.header, reply.Body())
		e.RequestID = reply.RequestID()
		return c.clean(e)
	case errors.Is(err, errTooLong):
		return reply.Errorf(sdk.BadResponse, "the reply is longer than %d MiB", c.maxReply>>20)
	}
	return c.clean(reply.carry(c.broken(ctx, true, err)))
}

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
