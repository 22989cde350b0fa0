package main

import (
	"context"
	"sync/atomic"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider"
)

var _ provider.Plugin = (*Provider)(nil)

// Provider is the plugin. The zero value is ready for Configure. It is safe for
// concurrent use.
type Provider struct {
	session atomic.Pointer[session]
}

// Configure implements provider.Plugin. It may come again at any time.
func (p *Provider) Configure(_ context.Context, s sdk.Settings) error {
	next, err := newSession(s)
	if err != nil {
		return err
	}
	if last := p.session.Swap(next); last != nil {
		last.client.Close()
	}
	return nil
}

// Complete implements sdk.Provider: one query, one HTTP call.
func (p *Provider) Complete(ctx context.Context, q *sdk.Query) (*sdk.Response, error) {
	s, err := p.configured()
	if err != nil {
		return nil, err
	}
	model := q.Model
	if model == "" {
		model = s.model
	}
	path, err := modelPath(model)
	if err != nil {
		return nil, err
	}
	body, err := buildRequest(model, q)
	if err != nil {
		return nil, err
	}
	reply, err := s.client.PostBody(ctx, path, body)
	if err != nil {
		return nil, err
	}
	defer reply.Close()
	r, err := readReply(reply)
	if err != nil {
		return nil, err
	}
	r.Model = model
	return r, nil
}

// configured returns the configuration that calls work with.
func (p *Provider) configured() (*session, error) {
	s := p.session.Load()
	if s == nil {
		return nil, sdk.Errorf(sdk.Internal, "the gemini provider was asked before it was configured")
	}
	return s, nil
}
