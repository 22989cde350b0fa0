package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// A Reply is a vendor's successful answer. Its bytes belong to it until Close.
type Reply struct {
	// Latency is the time from the call to the reply's last byte.
	Latency time.Duration

	client *Client
	status int // 0 until its head has come
	header Header
	plain  head // the header of an ordinary reply
	buffer *bytes.Buffer
	skip   int // what is in buffer before the body
}

// maxErrorBody is as much of an error's body as anybody reads.
const maxErrorBody = 1 << 20

// errTooLong is a reply's that is longer than the client's bound.
var errTooLong = errors.New("the reply is too long")

// begin takes over what is known before the body is.
func (r *Reply) begin(status int, header Header) {
	r.status, r.header, r.buffer = status, header, takeBuffer()
}

// beginOrdinary is begin for a head that the reader needs back.
func (r *Reply) beginOrdinary(h head, f framing) {
	r.begin(http.StatusOK, &r.plain)
	r.buffer.Grow(len(h) + int(min(max(0, f.length), 64<<10)))
	r.buffer.Write(h)
	r.plain, r.skip = r.buffer.Bytes(), len(h)
}

// read reads the body to its end, or to the client's bound.
func (r *Reply) read(body io.Reader) error {
	limit := r.client.maxReply
	if r.status > 299 {
		limit = min(limit, maxErrorBody)
	}
	n, err := r.buffer.ReadFrom(&io.LimitedReader{R: body, N: limit + 1})
	if err == nil && n > limit {
		err = errTooLong
	}
	return err
}

// add appends to an ordinary reply's body.
func (r *Reply) add(some []byte) error {
	if int64(r.buffer.Len()-r.skip+len(some)) > r.client.maxReply {
		return errTooLong
	}
	r.buffer.Write(some)
	return nil
}

// Body returns the reply's bytes, which are valid until Close.
func (r *Reply) Body() []byte {
	if r.buffer == nil {
		return nil
	}
	return r.buffer.Bytes()[r.skip:]
}

// Decode reads the body as JSON into v, which must not keep slices of it. An
// error is sdk.BadResponse.
func (r *Reply) Decode(v any) error {
	if err := json.Unmarshal(r.Body(), v); err != nil {
		return r.Errorf(sdk.BadResponse, "the reply can't be read (%w): %q", err, excerpt(r.Body()))
	}
	return nil
}

// Errorf returns an error about this reply: it carries the reply's request id
// and limits.
func (r *Reply) Errorf(kind sdk.Kind, format string, args ...any) *sdk.Error {
	return r.client.clean(r.carry(sdk.Errorf(kind, format, args...)))
}

// BodyError returns the error that a body with a successful status tells of:
// some gateways answer 200 and put the failure inside. Its kind is what the
// inner error says, else sdk.BadResponse.
func (r *Reply) BodyError() *sdk.Error {
	e := bodyError(r.header, r.Body())
	e.Status, e.RequestID = r.status, r.RequestID()
	return r.client.clean(e)
}

// RequestID returns the vendor's id of the request, or an empty string.
func (r *Reply) RequestID() string { return r.client.requestID(r.header) }

// RateLimit returns what the headers say of limits, nil for nothing.
func (r *Reply) RateLimit() *sdk.RateLimit { return RateLimit(r.header, time.Now()) }

// Close gives the reply's memory back, that of its headers included.
func (r *Reply) Close() {
	if r.buffer != nil {
		giveBuffer(r.buffer)
		r.buffer, r.plain = nil, nil
	}
}

func (r *Reply) carry(e *sdk.Error) *sdk.Error {
	e.Status = r.status
	e.RequestID = r.RequestID()
	e.RateLimit = r.RateLimit()
	return e
}

// requestID finds the vendor's id of a request, by its own header first.
func (c *Client) requestID(h Header) string {
	if c.idHeader != "" {
		if id := get(h, c.idHeader); id != "" {
			return plain(id, 200)
		}
	}
	return requestID(h)
}

// requestID finds the vendor's id of a request in the headers.
func requestID(h Header) string {
	for _, name := range [...]string{"Request-Id", "X-Request-Id", "Apim-Request-Id", "X-Goog-Request-Id", "X-Amzn-Requestid", "Mistral-Correlation-Id", "Cf-Ray"} {
		if id := get(h, name); id != "" {
			return plain(id, 200)
		}
	}
	return ""
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func takeBuffer() *bytes.Buffer { return buffers.Get().(*bytes.Buffer) }

// giveBuffer keeps b for the next reply unless a huge reply has swollen it.
func giveBuffer(b *bytes.Buffer) {
	if b.Cap() <= 256<<10 {
		b.Reset()
		buffers.Put(b)
	}
}
