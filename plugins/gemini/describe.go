package main

import (
	_ "embed"

	"github.com/cortexlinux/cortex-host/sdk"
)

const (
	version        = "0.1.0"
	defaultBaseURL = "https://generativelanguage.googleapis.com"
	defaultModel   = "gemini-3.5-flash"
)

//go:embed config.schema.json
var configSchema []byte

// Describe implements provider.Plugin.
func (p *Provider) Describe() sdk.Description {
	return sdk.Description{
		Name:         "gemini",
		Version:      version,
		Summary:      "Google's Gemini models, by generateContent",
		Models:       models,
		ConfigSchema: configSchema,
		EgressHosts:  []string{"generativelanguage.googleapis.com"},
	}
}

var models = []sdk.Model{
	{ID: "gemini-3.5-flash", ContextTokens: 1_048_576, MaxOutputTokens: 65_536},
	{ID: "gemini-2.5-pro", ContextTokens: 1_048_576, MaxOutputTokens: 65_536},
	{ID: "gemini-2.5-flash", ContextTokens: 1_048_576, MaxOutputTokens: 65_536},
	{ID: "gemini-2.5-flash-lite", ContextTokens: 1_048_576, MaxOutputTokens: 65_536},
}
