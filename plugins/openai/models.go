package main

import (
	"context"
	"errors"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider"
	"github.com/cortexlinux/cortex-host/sdk/provider/httpapi"
)

var (
	_ provider.ModelLister   = (*Provider)(nil)
	_ provider.HealthChecker = (*Provider)(nil)
)

// modelList is the reply to GET /models. Compatible servers say more of a model
// than OpenAI does, each by a name of its own.
type modelList struct {
	Object string `json:"object"`
	Data   []struct {
		ID string `json:"id"`
		// ContextWindow is Groq's, ContextLength OpenRouter's, MaxContextLength
		// Mistral's, MaxModelLen vLLM's name for it.
		ContextWindow       httpapi.Tokens `json:"context_window"`
		ContextLength       httpapi.Tokens `json:"context_length"`
		MaxContextLength    httpapi.Tokens `json:"max_context_length"`
		MaxModelLen         httpapi.Tokens `json:"max_model_len"`
		MaxCompletionTokens httpapi.Tokens `json:"max_completion_tokens"`
	} `json:"data"`
}

// ListModels implements provider.ModelLister.
func (p *Provider) ListModels(ctx context.Context) ([]sdk.Model, error) {
	s, err := p.configured()
	if err != nil {
		return nil, err
	}
	reply, err := s.client.Get(ctx, "/models", "")
	if err != nil {
		return nil, err
	}
	defer reply.Close()
	var list modelList
	if err := reply.Decode(&list); err != nil {
		return nil, err
	}
	var found []sdk.Model
	for _, m := range list.Data {
		found = append(found, sdk.Model{
			ID:              m.ID,
			ContextTokens:   int64(max(m.ContextWindow, m.ContextLength, m.MaxContextLength, m.MaxModelLen)),
			MaxOutputTokens: int64(m.MaxCompletionTokens),
		})
	}
	if len(found) == 0 && list.Object != "list" {
		return nil, reply.BodyError()
	}
	return found, nil
}

// CheckHealth implements provider.HealthChecker. A server without a list of
// models is there nevertheless.
func (p *Provider) CheckHealth(ctx context.Context) error {
	if _, err := p.ListModels(ctx); !errors.Is(err, sdk.NotFound) {
		return err
	}
	return nil
}
