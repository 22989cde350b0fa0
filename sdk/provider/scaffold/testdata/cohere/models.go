package main

import (
	"context"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/httpapi"
)

// ListModels implements provider.ModelLister.
func (p *Provider) ListModels(ctx context.Context) ([]sdk.Model, error) {
	s := p.session.Load()
	if s == nil {
		return nil, sdk.Errorf(sdk.Internal, "asked before it was configured")
	}
	reply, err := s.client.Get(ctx, "/v1/models", "endpoint=chat&page_size=1000")
	if err != nil {
		return nil, err
	}
	defer reply.Close()
	var list struct {
		Models []struct {
			Name    string         `json:"name"`
			Context httpapi.Tokens `json:"context_length"`
		} `json:"models"`
	}
	if err := reply.Decode(&list); err != nil {
		return nil, err
	}
	var models []sdk.Model
	for _, m := range list.Models {
		models = append(models, sdk.Model{ID: m.Name, ContextTokens: int64(m.Context)})
	}
	return models, nil
}

// CheckHealth implements provider.HealthChecker.
func (p *Provider) CheckHealth(ctx context.Context) error {
	_, err := p.ListModels(ctx)
	return err
}
