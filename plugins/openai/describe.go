package main

import (
	_ "embed"
	"encoding/json"

	"github.com/cortexlinux/cortex-host/sdk"
)

const (
	version        = "0.1.0"
	defaultBaseURL = "https://api.openai.com/v1"
	defaultModel   = "gpt-5.4-mini"
	ollamaBaseURL  = "http://127.0.0.1:11434"
	kimiBaseURL    = "https://api.moonshot.ai/v1"
)

//go:embed config.schema.json
var configSchema []byte

// Describe implements provider.Plugin.
func (p *Provider) Describe() sdk.Description {
	return sdk.Description{
		Name:         "openai",
		Version:      version,
		Summary:      "OpenAI and every server that speaks its chat completions API",
		Models:       models,
		ConfigSchema: configSchema,
		Presets:      []sdk.Preset{kimi, ollama},
		EgressHosts:  []string{"api.openai.com", "api.moonshot.ai"},
	}
}

var models = []sdk.Model{
	{ID: "gpt-5.4", ContextTokens: 400_000, MaxOutputTokens: 128_000},
	{ID: "gpt-5.4-mini", ContextTokens: 400_000, MaxOutputTokens: 128_000},
	{ID: "gpt-5.4-nano", ContextTokens: 400_000, MaxOutputTokens: 128_000},
	{ID: "gpt-5", ContextTokens: 400_000, MaxOutputTokens: 128_000},
	{ID: "gpt-5-mini", ContextTokens: 400_000, MaxOutputTokens: 128_000},
	{ID: "gpt-5-nano", ContextTokens: 400_000, MaxOutputTokens: 128_000},
	{ID: "gpt-4.1", ContextTokens: 1_047_576, MaxOutputTokens: 32_768},
	{ID: "gpt-4.1-mini", ContextTokens: 1_047_576, MaxOutputTokens: 32_768},
	{ID: "gpt-4.1-nano", ContextTokens: 1_047_576, MaxOutputTokens: 32_768},
	{ID: "gpt-4o", ContextTokens: 128_000, MaxOutputTokens: 16_384},
	{ID: "gpt-4o-mini", ContextTokens: 128_000, MaxOutputTokens: 16_384},
	{ID: "o3", ContextTokens: 200_000, MaxOutputTokens: 100_000},
	{ID: "kimi-k2.6", ContextTokens: 262_144},
	{ID: "o4-mini", ContextTokens: 200_000, MaxOutputTokens: 100_000},
}

var kimi = sdk.Preset{
	Name:    "kimi",
	Summary: "Moonshot's Kimi models",
	Values: map[string]json.RawMessage{
		"base_url": json.RawMessage(`"` + kimiBaseURL + `"`),
		"model":    json.RawMessage(`"kimi-k2.6"`),
	},
	// OpenAI's variables say nothing about Moonshot.
	Env: map[string][]string{
		"api_key": {"MOONSHOT_API_KEY"}, "base_url": {}, "organization": {}, "project": {}, "headers": {},
	},
}

var ollama = sdk.Preset{
	Name:    "ollama",
	Summary: "An Ollama server, by default on this machine",
	Values: map[string]json.RawMessage{
		"base_url": json.RawMessage(`"` + ollamaBaseURL + `"`),
		"server":   json.RawMessage(`"ollama"`),
		"model":    json.RawMessage(`""`), // only who runs it knows what it has
	},
	Env: map[string][]string{
		"api_key": {}, "base_url": {"OLLAMA_HOST"}, "organization": {}, "project": {}, "headers": {},
	},
	Keyless: true, Local: true, Free: true,
}
