package main

import (
	"context"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider"
)

var (
	_ provider.ModelLister   = (*Provider)(nil)
	_ provider.HealthChecker = (*Provider)(nil)
)

// modelList is the reply to GET /v1/models.
type modelList struct {
	Data []struct {
		ID string `json:"id"`
	} `json:"data"`
}

// ListModels implements provider.ModelLister. One page of 1,000 is all.
func (p *Provider) ListModels(ctx context.Context) ([]sdk.Model, error) { return p.list(ctx, "1000") }

// CheckHealth implements provider.HealthChecker.
func (p *Provider) CheckHealth(ctx context.Context) error {
	_, err := p.list(ctx, "1")
	return err
}

func (p *Provider) list(ctx context.Context, limit string) ([]sdk.Model, error) {
	s, err := p.configured()
	if err != nil {
		return nil, err
	}
	reply, err := s.client.Get(ctx, "/v1/models", "limit="+limit)
	if err != nil {
		return nil, err
	}
	defer reply.Close()
	var list modelList
	if err := reply.Decode(&list); err != nil {
		return nil, err
	}
	known := map[string]sdk.Model{}
	for _, m := range models {
		known[m.ID] = m
	}
	var found []sdk.Model
	for _, m := range list.Data {
		model := known[m.ID] // the list says nothing of sizes
		model.ID = m.ID
		found = append(found, model)
	}
	if len(found) == 0 {
		return nil, reply.BodyError()
	}
	return found, nil
}
