package provider

import (
	"context"
	"encoding/json"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/cortexlinux/cortex-host/sdk"
	providerv1 "github.com/cortexlinux/cortex-host/sdk/proto/cortex/provider/v1"
)

var _ sdk.Provider = (*Client)(nil)

// A Client is the host's end of the wire: a provider that asks a plugin. It is
// safe for concurrent use.
type Client struct {
	wire providerv1.ProviderClient
}

// NewClient returns a client on conn, which must have been made with
// [DialOptions].
func NewClient(conn grpc.ClientConnInterface) *Client {
	return &Client{wire: providerv1.NewProviderClient(conn)}
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
		return broken(ctx, "Configure", err)
	}
	if e := r.GetError(); e != nil {
		return errorFromWire(e)
	}
	return nil
}

// Complete asks one question. A failure is an [*sdk.Error]; its kind is
// sdk.Internal if the plugin itself broke.
func (c *Client) Complete(ctx context.Context, q *sdk.Query) (*sdk.Response, error) {
	r, err := c.wire.Complete(ctx, queryToWire(q))
	if err != nil {
		return nil, broken(ctx, "Complete", err)
	}
	limit := rateLimitFromWire(r.GetRateLimit())
	switch outcome := r.GetOutcome().(type) {
	case *providerv1.CompleteResponse_Response:
		response := responseFromWire(outcome.Response)
		response.Model = q.Model
		response.RateLimit = limit
		return response, nil
	case *providerv1.CompleteResponse_Error:
		e := errorFromWire(outcome.Error)
		e.RateLimit = limit
		return nil, e
	}
	return nil, sdk.Errorf(sdk.Internal, "the plugin answered with no outcome: it must set response or error")
}

// broken is the error of a call that got no outcome: the plugin crashed, broke
// the protocol, or our own ctx ended. The latter may have been billed.
func broken(ctx context.Context, method string, err error) *sdk.Error {
	if ctx.Err() != nil {
		return sdk.Errorf(sdk.InDoubt, "%s was given up: %w", method, context.Cause(ctx))
	}
	s, _ := status.FromError(err)
	switch s.Code() {
	case codes.Unimplemented:
		return sdk.Errorf(sdk.Internal, "the plugin does not implement %s of cortex.provider.v1", method)
	case codes.ResourceExhausted:
		return sdk.Errorf(sdk.InvalidRequest, "%s: a message is larger than %d MiB: %s", method, MaxMessageBytes>>20, s.Message())
	case codes.Unavailable:
		return &sdk.Error{Kind: sdk.Internal, Message: fmt.Sprintf("the plugin went away during %s: %s", method, s.Message()), Cause: err}
	}
	return &sdk.Error{Kind: sdk.Internal, Message: fmt.Sprintf("the plugin broke during %s: %s", method, s.Message()), Cause: err}
}
