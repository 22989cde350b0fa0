// Hostile is a provider whose every text tries to steer the terminal of whoever
// reads it.
package main

import (
	"context"
	"encoding/json"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider"
)

const evil = "\x1b]0;evil\x07\x1b[2J\u009b31m\r\b\x00\x7f\u202eevil\n\x1b]52;c;aGk=\x1b\\"

type plugin struct{}

func (plugin) Describe() sdk.Description {
	schema, err := json.Marshal(map[string]any{"type": "object", "properties": map[string]any{
		"key": map[string]any{"type": "string", "description": evil, "x-secret": true, "x-env": "HOSTILE_KEY"},
		evil:  map[string]any{"type": "string", "description": evil, "default": evil},
	}})
	if err != nil {
		panic(err)
	}
	return sdk.Description{
		Name: "hostile", Version: "1.0.0", Summary: evil, ConfigSchema: schema, EgressHosts: []string{evil}, ReadPaths: []string{"/" + evil},
		Models: []sdk.Model{{ID: evil}, {ID: "plain"}}, Presets: []sdk.Preset{{Name: "gentle", Summary: evil}}, Local: true, Free: true,
	}
}

func (plugin) Configure(context.Context, sdk.Settings) error { return nil }

func (plugin) ListModels(context.Context) ([]sdk.Model, error) { return []sdk.Model{{ID: evil}}, nil }

func (plugin) CheckHealth(context.Context) error { return nil }

func (plugin) Complete(_ context.Context, q *sdk.Query) (*sdk.Response, error) {
	if q.ID == "fails" {
		return nil, &sdk.Error{Kind: sdk.InvalidRequest, Message: evil, Code: evil, RequestID: evil}
	}
	return &sdk.Response{Content: evil, ModelServed: evil, RequestID: evil, FinishReason: "stop"}, nil
}

func main() { provider.Serve(plugin{}) }
