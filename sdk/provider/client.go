package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/cortexlinux/cortex-host/sdk"
	providerv1 "github.com/cortexlinux/cortex-host/sdk/proto/cortex/provider/v1"
)

var _ sdk.Provider = (*Client)(nil)

// A Client is the host's end of the wire: a provider that asks a plugin. It is
// safe for concurrent use.
type Client struct {
	conn   grpc.ClientConnInterface
	wire   providerv1.ProviderClient
	redact func(string) string // nil leaves texts as they are

	mu      sync.Mutex
	stream  *stream // nil: calls go unary
	opening bool
	unary   bool // there is no stream, or not any more
	breaks  int
}

// maxBreaks is how many broken streams are enough.
const maxBreaks = 3

// NewClient returns a client on conn, which must have been made with
// [DialOptions].
func NewClient(conn grpc.ClientConnInterface) *Client {
	return &Client{conn: conn, wire: providerv1.NewProviderClient(conn)}
}

// Redact has f take secrets out of what errors say: a plugin in another language
// may not do it. It is called before any other method, and f at any time.
func (c *Client) Redact(f func(string) string) { c.redact = f }

// clean returns err without secrets.
func (c *Client) clean(err error) error {
	if c.redact == nil || err == nil {
		return err
	}
	e, typed := errors.AsType[*sdk.Error](err)
	if !typed {
		return err
	}
	e.Message, e.Code, e.RequestID = c.redact(e.Message), c.redact(e.Code), c.redact(e.RequestID)
	return err
}

// Describe asks the plugin what it is.
func (c *Client) Describe(ctx context.Context) (sdk.Description, error) {
	r, err := c.wire.Describe(ctx, &providerv1.DescribeRequest{})
	if err != nil {
		return sdk.Description{}, broken(ctx, "Describe", err)
	}
	d, err := describeFromWire(r)
	if err != nil {
		return sdk.Description{}, sdk.Errorf(sdk.Internal, "the plugin's description: %w", err)
	}
	return d, nil
}

// Configure hands settings over. A refusal is an [*sdk.Error] of the plugin's.
func (c *Client) Configure(ctx context.Context, s sdk.Settings) error {
	if s == nil {
		s = sdk.Settings{}
	}
	data, err := json.Marshal(s)
	if err != nil {
		return sdk.Errorf(sdk.InvalidRequest, "the settings are not JSON")
	}
	r, err := c.wire.Configure(ctx, &providerv1.ConfigureRequest{Settings: data})
	if err != nil {
		return c.clean(broken(ctx, "Configure", err))
	}
	if e := r.GetError(); e != nil {
		return c.clean(errorFromWire(e))
	}
	return nil
}

// Complete asks one question. A failure is an [*sdk.Error]; its kind is
// sdk.Internal if the plugin itself broke. The call goes by the plugin's stream
// if it has one, else, or if it is large, by itself.
func (c *Client) Complete(ctx context.Context, q *sdk.Query) (*sdk.Response, error) {
	r, err := c.complete(ctx, q)
	return r, c.clean(err)
}

func (c *Client) complete(ctx context.Context, q *sdk.Query) (*sdk.Response, error) {
	if s := c.openedStream(ctx); s != nil {
		call, err := newCall(q)
		if err != nil {
			return nil, err
		}
		data, err := s.call(ctx, call)
		if err == nil {
			return outcome(ctx, q, data)
		}
		if err = streamError(ctx, err); err != nil {
			return nil, err
		}
	}
	return c.completeUnary(ctx, q)
}

// streamError is the failure of a call that the stream did not carry, nil if
// it may go by itself.
func streamError(ctx context.Context, err error) error {
	switch cause := gaveUp(ctx); {
	case cause != nil && (errors.Is(err, errNotSent) || errors.Is(err, errNotStreamed)):
		return sdk.Errorf(sdk.Unreachable, "not sent: the call was given up while it waited for the plugin: %w", cause)
	case cause != nil:
		return broken(ctx, "Complete", err)
	case errors.Is(err, errNotStreamed):
		return nil
	}
	return &sdk.Error{Kind: sdk.Internal, Message: fmt.Sprintf("the plugin broke the stream: %v", err), Cause: fmt.Errorf("%w: %w", sdk.ErrPluginBroke, err)}
}

// CompleteUnary is Complete by a call of its own, whether there is a stream or
// not.
func (c *Client) CompleteUnary(ctx context.Context, q *sdk.Query) (*sdk.Response, error) {
	r, err := c.completeUnary(ctx, q)
	return r, c.clean(err)
}

func (c *Client) completeUnary(ctx context.Context, q *sdk.Query) (*sdk.Response, error) {
	request, err := encodeQuery(nil, q)
	if err != nil {
		return nil, err
	}
	var w providerv1.CompleteRequest
	if err := proto.Unmarshal(request, &w); err != nil {
		return nil, sdk.Errorf(sdk.InvalidRequest, "the query can't be encoded: %w", err)
	}
	r, err := c.wire.Complete(ctx, &w)
	if code := status.Code(err); (code == codes.ResourceExhausted || code == codes.OutOfRange) && gaveUp(ctx) == nil {
		return nil, tooLarge(proto.Size(&w), err)
	}
	if err != nil {
		return nil, broken(ctx, "Complete", err)
	}
	data, err := proto.Marshal(r)
	if err != nil {
		return nil, undecodable(err)
	}
	return outcome(ctx, q, data)
}

// outcome reads what came of q.
func outcome(ctx context.Context, q *sdk.Query, data []byte) (*sdk.Response, error) {
	answer, failure, err := decodeOutcome(data)
	switch {
	case err != nil:
		return nil, undecodable(err)
	case answer != nil:
		if q.Model != "" {
			answer.Model = q.Model
		}
		return answer, nil
	case failure != nil:
		if cause := gaveUp(ctx); cause != nil && failure.Kind == sdk.InDoubt {
			failure.Cause = cause // the plugin noticed first
		}
		return nil, failure
	}
	return nil, sdk.Errorf(sdk.Internal, "the plugin answered with no outcome: it must set response or error")
}

func undecodable(err error) *sdk.Error {
	return sdk.Errorf(sdk.Internal, "the plugin's answer can't be decoded: %w", err)
}

// openedStream returns the stream, or nil if calls go unary. The first call
// finds out; those beside it do not wait for that.
func (c *Client) openedStream(ctx context.Context) *stream {
	c.mu.Lock()
	if c.stream != nil || c.unary || c.opening {
		defer c.mu.Unlock()
		return c.stream
	}
	c.opening = true
	c.mu.Unlock()
	var s *stream
	d, err := c.wire.Describe(ctx, &providerv1.DescribeRequest{})
	if err == nil && d.GetStream() {
		s, err = openStream(ctx, c.wire, c.streamBroke)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.opening = false
	c.unary = c.unary || err == nil && s == nil
	if s == nil {
		return nil
	}
	select {
	case <-s.broken:
		return nil
	default:
		c.stream = s
		return s
	}
}

// streamBroke forgets the stream. The next call opens another, unless that went
// wrong too often.
func (c *Client) streamBroke(error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stream = nil
	c.breaks++
	c.unary = c.breaks >= maxBreaks
}

// BrokenStreams counts the streams that the plugin broke. Each call on one
// failed as sdk.Internal; after the third, calls go unary.
func (c *Client) BrokenStreams() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.breaks
}

// gaveUp returns why nobody waits for the call any more, or nil.
func gaveUp(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	// The plugin's clock for the same deadline may be the first to ring.
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return nil
}

// broken is the error of a call that got no outcome: the plugin crashed, broke
// the protocol, or our own ctx ended. The latter may have been billed.
func broken(ctx context.Context, method string, err error) *sdk.Error {
	if cause := gaveUp(ctx); cause != nil {
		return sdk.Errorf(sdk.InDoubt, "%s was given up: %w", method, cause)
	}
	s, _ := status.FromError(err)
	switch s.Code() {
	case codes.Unimplemented:
		return sdk.Errorf(sdk.Internal, "the plugin does not implement %s of cortex.provider.v1", method)
	case codes.Unavailable:
		return &sdk.Error{Kind: sdk.Internal, Message: fmt.Sprintf("the plugin went away during %s: %s", method, s.Message()), Cause: err}
	}
	return &sdk.Error{Kind: sdk.Internal, Message: fmt.Sprintf("the plugin broke during %s: %s", method, s.Message()), Cause: err}
}

// tooLarge is the error of a call whose question or answer did not fit, or of
// which the plugin says by a status of its own that it has too little of
// something. gRPC tells the former by words alone, much alike in all languages.
// Words that name the question's size are about the question: an answer that is
// too large for the host is larger than any question.
func tooLarge(size int, err error) *sdk.Error {
	text := status.Convert(err).Message()
	switch {
	case size > MaxMessageBytes:
		return sdk.Errorf(sdk.InvalidRequest, "the query is larger than %d MiB", MaxMessageBytes>>20)
	case aboutSize(text) && !strings.Contains(text, "to send") && slices.Contains(numbersIn(text), strconv.Itoa(size)):
		return sdk.Errorf(sdk.InvalidRequest, "the plugin takes no query of %d bytes: %s", size, text)
	case aboutSize(text):
		return sdk.Errorf(sdk.BadResponse, "the plugin's answer is too large (%d MiB at most, unless the plugin has a lower limit): %s", MaxMessageBytes>>20, text)
	}
	return &sdk.Error{Kind: sdk.Internal, Message: fmt.Sprintf("the plugin broke during Complete: %s", text), Cause: err}
}

// aboutSize reports whether a text is what gRPC says of a message that is larger
// than its receiver or sender allows: in C, Go and JavaScript, in Java, in .NET,
// and in Rust, whose status is OutOfRange.
func aboutSize(text string) bool {
	for _, words := range []string{"larger than max", "exceeds maximum", "exceeds the maximum", "message length too large"} {
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}

// numbersIn returns the numbers in a text.
func numbersIn(text string) []string {
	return strings.FieldsFunc(text, func(c rune) bool { return c < '0' || c > '9' })
}
