package main

import (
	_ "embed"

	"github.com/cortexlinux/cortex-host/sdk"
)

const (
	version        = "0.1.0"
	apiVersion     = "2023-06-01"
	defaultBaseURL = "https://api.anthropic.com"
	defaultModel   = "claude-haiku-4-5"
)

//go:embed config.schema.json
var configSchema []byte

// Describe implements provider.Plugin.
func (p *Provider) Describe() sdk.Description {
	return sdk.Description{
		Name:         "anthropic",
		Version:      version,
		Summary:      "Anthropic's Claude models, by the Messages API",
		Models:       models,
		ConfigSchema: configSchema,
		EgressHosts:  []string{"api.anthropic.com"},
	}
}

var models = []sdk.Model{
	{ID: "claude-opus-5-5", ContextTokens: 1_000_000, MaxOutputTokens: 128_000},
	{ID: "claude-sonnet-5-5", ContextTokens: 1_000_000, MaxOutputTokens: 128_000},
	{ID: "claude-sonnet-5", ContextTokens: 1_000_000, MaxOutputTokens: 128_000},
	{ID: "claude-sonnet-4-6", ContextTokens: 200_000, MaxOutputTokens: 64_000},
	{ID: "claude-haiku-4-5", ContextTokens: 200_000, MaxOutputTokens: 64_000},
}
