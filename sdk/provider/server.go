package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"sync/atomic"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/cortexlinux/cortex-host/sdk"
	providerv1 "github.com/cortexlinux/cortex-host/sdk/proto/cortex/provider/v1"
)

// server is the plugin's end of the wire. It sees to what every plugin must do
// and no author should have to: a panic is an outcome, and nothing that leaves
// the plugin shows a secret.
type server struct {
	providerv1.UnimplementedProviderServer
	impl    Plugin
	unary   bool // hides Stream
	secrets atomic.Pointer[secrets]
}

func newServer(p Plugin) *server { return &server{impl: p} }

// Describe implements the wire.
func (s *server) Describe(context.Context, *providerv1.DescribeRequest) (*providerv1.DescribeResponse, error) {
	var d sdk.Description
	if _, err := s.guard(func() (*sdk.Response, error) { d = described(s.impl); return nil, nil }); err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	d.Stream = !s.unary
	return describeToWire(d)
}

// Configure implements the wire.
func (s *server) Configure(ctx context.Context, r *providerv1.ConfigureRequest) (*providerv1.ConfigureResponse, error) {
	var settings sdk.Settings
	if err := json.Unmarshal(r.GetSettings(), &settings); err != nil {
		// The decoder's own text may quote the settings.
		return &providerv1.ConfigureResponse{Error: errorToWire(sdk.Errorf(sdk.InvalidRequest, "the settings are not a JSON object"))}, nil
	}
	s.learn(settings)
	_, err := s.guard(func() (*sdk.Response, error) { return nil, s.impl.Configure(ctx, settings) })
	if err != nil {
		return &providerv1.ConfigureResponse{Error: errorToWire(s.failure(ctx, err, sdk.InvalidRequest))}, nil
	}
	return &providerv1.ConfigureResponse{}, nil
}

// Complete implements the wire.
func (s *server) Complete(ctx context.Context, r *providerv1.CompleteRequest) (*providerv1.CompleteResponse, error) {
	request, err := proto.Marshal(r)
	if err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	response, err := s.ask(ctx, request)
	w := new(providerv1.CompleteResponse)
	if err := proto.Unmarshal(s.encode(ctx, nil, response, err), w); err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	return w, nil
}

// ask asks what an encoded CompleteRequest says. It returns a response or an
// error.
func (s *server) ask(ctx context.Context, request []byte) (*sdk.Response, error) {
	q, err := decodeQuery(request)
	if err != nil {
		return nil, sdk.Errorf(sdk.Internal, "the host's request can't be decoded: %w", err)
	}
	response, err := s.guard(func() (*sdk.Response, error) { return s.impl.Complete(ctx, q) })
	if err == nil && response == nil {
		err = sdk.Errorf(sdk.Internal, "the plugin returned neither a response nor an error")
	}
	return response, err
}

// encode encodes what came of a call as a CompleteResponse, for which buf has
// room.
func (s *server) encode(ctx context.Context, buf []byte, response *sdk.Response, err error) []byte {
	if err != nil {
		return s.failed(ctx, err)
	}
	return s.answered(ctx, buf, response)
}

// failed is the outcome of a call that was not answered.
func (s *server) failed(ctx context.Context, err error) []byte {
	return encodeFailure(s.failure(ctx, err, sdk.Internal))
}

// answered is the outcome of a call that was.
func (s *server) answered(ctx context.Context, buf []byte, response *sdk.Response) []byte {
	shown := *response
	// A vendor may echo what it was sent.
	shown.Content, shown.ModelServed, shown.RequestID = s.redactAnswer(shown.Content), s.redactAnswer(shown.ModelServed), s.redactAnswer(shown.RequestID)
	shown.ToolCalls = slices.Clone(shown.ToolCalls)
	for i, c := range shown.ToolCalls {
		shown.ToolCalls[i] = sdk.ToolCall{ID: s.redactAnswer(c.ID), Name: s.redactAnswer(c.Name), Arguments: s.redactAnswer(c.Arguments)}
	}
	data, err := encodeAnswer(buf, &shown)
	switch {
	case err != nil:
		return s.failed(ctx, sdk.Errorf(sdk.Internal, "the plugin's answer can't be encoded: %w", err))
	case len(data) > MaxMessageBytes-messageRoom:
		return s.failed(ctx, answerTooLarge())
	}
	return data
}

// answerTooLarge is the failure of a call that was answered, and so paid for.
func answerTooLarge() *sdk.Error {
	return sdk.Errorf(sdk.BadResponse, "the plugin's answer is larger than %d MiB", MaxMessageBytes>>20)
}

// guard turns a panic of call into an error. The stack goes to stderr, where
// the host keeps it.
func (s *server) guard(call func() (*sdk.Response, error)) (r *sdk.Response, err error) {
	defer func() {
		if v := recover(); v != nil {
			text := fmt.Sprintf("the plugin panicked: %v", v)
			fmt.Fprintf(os.Stderr, "%s\n%s", s.redact(text), debug.Stack())
			r, err = nil, sdk.Errorf(sdk.Internal, "%s", text)
		}
	}()
	return call()
}

func isTyped(err error) bool {
	var e *sdk.Error
	return errors.As(err, &e)
}

// failure is what the host is told of err. One without a kind is of the given
// one, unless it only says that the call was given up.
func (s *server) failure(ctx context.Context, err error, kind sdk.Kind) *sdk.Error {
	if !isTyped(err) && ctx.Err() != nil {
		err = sdk.Errorf(sdk.InDoubt, "the call was given up: %w", err)
	}
	e := *sdk.AsError(err, kind)
	e.Message, e.Code, e.RequestID = s.redact(e.Message), s.redact(e.Code), s.redact(e.RequestID)
	return &e
}
