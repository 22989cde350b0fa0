package main

import (
	_ "embed"

	"github.com/cortexlinux/cortex-host/sdk"
)

const (
	version   = "0.1.0"
	modelName = "simulated-1"
)

//go:embed config.schema.json
var configSchema []byte

// Describe implements provider.Plugin.
func (p *Provider) Describe() sdk.Description {
	return sdk.Description{
		Name:         "simulator",
		Version:      version,
		Summary:      "A backend for load tests: simulated answers, latencies, limits and errors, with no network and no key",
		Models:       []sdk.Model{{ID: modelName}},
		ConfigSchema: configSchema,
		Local:        true,
		Free:         true,
	}
}
