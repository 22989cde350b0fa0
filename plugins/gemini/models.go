package main

import (
	"context"
	"slices"
	"strings"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider"
	"github.com/cortexlinux/cortex-host/sdk/provider/httpapi"
)

var (
	_ provider.ModelLister   = (*Provider)(nil)
	_ provider.HealthChecker = (*Provider)(nil)
)

// modelList is the reply to GET /v1beta/models.
type modelList struct {
	Models []struct {
		Name             string         `json:"name"`
		InputTokenLimit  httpapi.Tokens `json:"inputTokenLimit"`
		OutputTokenLimit httpapi.Tokens `json:"outputTokenLimit"`
		Methods          []string       `json:"supportedGenerationMethods"`
	} `json:"models"`
}

// ListModels implements provider.ModelLister: the models that answer queries.
// One page of 1,000 is all.
func (p *Provider) ListModels(ctx context.Context) ([]sdk.Model, error) {
	list, err := p.list(ctx, "1000")
	if err != nil {
		return nil, err
	}
	var found []sdk.Model
	for _, m := range list.Models {
		if slices.Contains(m.Methods, "generateContent") {
			found = append(found, sdk.Model{
				ID:            strings.TrimPrefix(m.Name, "models/"),
				ContextTokens: int64(m.InputTokenLimit), MaxOutputTokens: int64(m.OutputTokenLimit),
			})
		}
	}
	return found, nil
}

// CheckHealth implements provider.HealthChecker.
func (p *Provider) CheckHealth(ctx context.Context) error {
	_, err := p.list(ctx, "1")
	return err
}

func (p *Provider) list(ctx context.Context, size string) (list modelList, err error) {
	s, err := p.configured()
	if err != nil {
		return list, err
	}
	reply, err := s.client.Get(ctx, "/v1beta/models", "pageSize="+size)
	if err != nil {
		return list, err
	}
	defer reply.Close()
	if err := reply.Decode(&list); err != nil {
		return list, err
	}
	if len(list.Models) == 0 {
		return list, reply.BodyError()
	}
	return list, nil
}
