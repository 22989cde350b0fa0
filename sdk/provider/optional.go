package provider

import (
	"context"

	"github.com/hashicorp/go-hclog"

	"github.com/cortexlinux/cortex-host/sdk"
	providerv1 "github.com/cortexlinux/cortex-host/sdk/proto/cortex/provider/v1"
)

// What follows is optional: a [Plugin] that has it gets more use. Describe need
// not tell; the SDK does. Methods are called from many goroutines at once.

// A ModelLister can ask its vendor which models the configured account may use.
// An error is as that of Complete.
type ModelLister interface {
	ListModels(ctx context.Context) ([]sdk.Model, error)
}

// A HealthChecker can ask its vendor something that costs nothing, to find out
// whether a query would be answered: that the vendor is there and takes the
// key. An error is as that of Complete.
type HealthChecker interface {
	CheckHealth(ctx context.Context) error
}

// A LogUser writes to the host's log. UseLogger is called once, before anything
// else. What is logged is kept free of the secrets that Configure hands over.
// Without a host, in a test, it may not be called at all.
type LogUser interface {
	UseLogger(log hclog.Logger)
}

// described is what p says of itself, with what the SDK knows of it.
func described(p Plugin) sdk.Description {
	d := p.Describe()
	d.Stream = true
	_, d.ListsModels = p.(ModelLister)
	_, d.ChecksHealth = p.(HealthChecker)
	return d
}

// ListModels implements the wire.
func (s *server) ListModels(ctx context.Context, r *providerv1.ListModelsRequest) (*providerv1.ListModelsResponse, error) {
	lister, ok := s.impl.(ModelLister)
	if !ok {
		return s.UnimplementedProviderServer.ListModels(ctx, r)
	}
	var models []sdk.Model
	_, err := s.guard(func() (_ *sdk.Response, err error) { models, err = lister.ListModels(ctx); return nil, err })
	if err != nil {
		return &providerv1.ListModelsResponse{Error: errorToWire(s.failure(ctx, err, sdk.Internal))}, nil
	}
	return &providerv1.ListModelsResponse{Models: modelsToWire(models)}, nil
}

// CheckHealth implements the wire.
func (s *server) CheckHealth(ctx context.Context, r *providerv1.CheckHealthRequest) (*providerv1.CheckHealthResponse, error) {
	checker, ok := s.impl.(HealthChecker)
	if !ok {
		return s.UnimplementedProviderServer.CheckHealth(ctx, r)
	}
	if _, err := s.guard(func() (*sdk.Response, error) { return nil, checker.CheckHealth(ctx) }); err != nil {
		return &providerv1.CheckHealthResponse{Error: errorToWire(s.failure(ctx, err, sdk.Internal))}, nil
	}
	return &providerv1.CheckHealthResponse{}, nil
}

// ListModels asks the vendor for its models, by way of a plugin whose
// description says that it lists them.
func (c *Client) ListModels(ctx context.Context) ([]sdk.Model, error) {
	r, err := c.wire.ListModels(ctx, &providerv1.ListModelsRequest{})
	if err != nil {
		return nil, c.clean(broken(ctx, "ListModels", err))
	}
	if e := r.GetError(); e != nil {
		return nil, c.clean(errorFromWire(e))
	}
	return modelsFromWire(r.GetModels()), nil
}

// CheckHealth asks whether a query would be answered now, by way of a plugin
// whose description says that it checks that.
func (c *Client) CheckHealth(ctx context.Context) error {
	r, err := c.wire.CheckHealth(ctx, &providerv1.CheckHealthRequest{})
	if err != nil {
		return c.clean(broken(ctx, "CheckHealth", err))
	}
	if e := r.GetError(); e != nil {
		return c.clean(errorFromWire(e))
	}
	return nil
}
