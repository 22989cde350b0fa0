package main

import (
	_ "embed"

	"github.com/cortexlinux/cortex-host/sdk"
)

const (
	version   = "0.1.0"
	modelName = "offline-facts"
)

//go:embed config.schema.json
var configSchema []byte

// Describe implements provider.Plugin.
func (p *Provider) Describe() sdk.Description {
	return sdk.Description{
		Name:         "offline",
		Version:      version,
		Summary:      "What this machine knows of its packages, errors and hardware: facts with sources, with no model, no key and no network",
		Models:       []sdk.Model{{ID: modelName}},
		ConfigSchema: configSchema,
		Local:        true,
		ReadPaths:    []string{"/boot", "/dev", "/etc", "/proc", "/run", "/sys", "/var"}, // the machine, and nobody's home
		Free:         true,
	}
}
