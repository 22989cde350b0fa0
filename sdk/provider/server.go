package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/cortexlinux/cortex-host/sdk"
	providerv1 "github.com/cortexlinux/cortex-host/sdk/proto/cortex/provider/v1"
)

// server is the plugin's end of the wire. It sees to what every plugin must do
// and no author should have to: a panic is an outcome, and no error shows a
// secret.
type server struct {
	providerv1.UnimplementedProviderServer
	impl    Plugin
	unary   bool // hides Stream
	secrets atomic.Pointer[strings.Replacer]
}

func newServer(p Plugin) *server { return &server{impl: p} }

// Describe implements the wire.
func (s *server) Describe(context.Context, *providerv1.DescribeRequest) (*providerv1.DescribeResponse, error) {
	w, err := describeToWire(s.impl.Describe())
	if err == nil {
		w.Stream = !s.unary
	}
	return w, err
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
		return &providerv1.ConfigureResponse{Error: s.failure(err, sdk.InvalidRequest)}, nil
	}
	return &providerv1.ConfigureResponse{}, nil
}

// Complete implements the wire.
func (s *server) Complete(ctx context.Context, r *providerv1.CompleteRequest) (*providerv1.CompleteResponse, error) {
	q := queryFromWire(r)
	response, err := s.guard(func() (*sdk.Response, error) { return s.impl.Complete(ctx, q) })
	if err == nil && response == nil {
		err = sdk.Errorf(sdk.Internal, "the plugin returned neither a response nor an error")
	}
	if err != nil {
		if !isTyped(err) && ctx.Err() != nil {
			err = sdk.Errorf(sdk.InDoubt, "the call was given up: %w", err)
		}
		out := &providerv1.CompleteResponse{Outcome: &providerv1.CompleteResponse_Error{Error: s.failure(err, sdk.Internal)}}
		var e *sdk.Error
		if errors.As(err, &e) {
			out.RateLimit = rateLimitToWire(e.RateLimit)
		}
		return out, nil
	}
	return &providerv1.CompleteResponse{
		Outcome:   &providerv1.CompleteResponse_Response{Response: responseToWire(response)},
		RateLimit: rateLimitToWire(response.RateLimit),
	}, nil
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

// failure is what the host is told of err.
func (s *server) failure(err error, kind sdk.Kind) *providerv1.Error {
	e := *sdk.AsError(err, kind)
	e.Message, e.Code = s.redact(e.Message), s.redact(e.Code)
	return errorToWire(&e)
}

// learn notes the secrets in settings, so that no error shows them.
func (s *server) learn(settings sdk.Settings) {
	props, err := properties(s.impl.Describe().ConfigSchema)
	if err != nil {
		return
	}
	var secrets []string
	for name, raw := range settings {
		if props[name].Secret {
			secrets = append(secrets, stringsIn(raw)...)
		}
	}
	// Longest first: one secret may be the beginning of another.
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, secret := range secrets {
		if len(secret) >= 4 {
			pairs = append(pairs, secret, "[redacted]")
		}
	}
	if len(pairs) > 0 {
		s.secrets.Store(strings.NewReplacer(pairs...))
	}
}

// stringsIn returns a JSON string, or the strings in an object or array.
func stringsIn(raw json.RawMessage) []string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return []string{s}
	}
	var all []string
	var list []json.RawMessage
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) == nil {
		for _, v := range members {
			list = append(list, v)
		}
	} else if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	for _, v := range list {
		all = append(all, stringsIn(v)...)
	}
	return all
}

func (s *server) redact(text string) string {
	if r := s.secrets.Load(); r != nil {
		return r.Replace(text)
	}
	return text
}
