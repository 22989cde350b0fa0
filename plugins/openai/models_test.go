package main

import (
	"errors"
	"testing"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

// A server without models says so in a list, such as Ollama before the first
// pull; whoever answers something else is no such server.
func TestNoModels(t *testing.T) {
	s, p := vendor(t, upstream.Config{}, nil)
	for body, kind := range map[string]sdk.Kind{
		`{"object":"list","data":[]}`:         "",
		`{"object":"list","data":null}`:       "",
		`{}`:                                  sdk.BadResponse,
		`{"data":[]}`:                         sdk.BadResponse,
		`{"error":{"message":"","code":429}}`: sdk.RateLimited,
	} {
		s.SetScript(upstream.Always(upstream.Reply{Body: []byte(body)}))
		list, err := p.ListModels(t.Context())
		if len(list) > 0 || (kind == "") != (err == nil) || err != nil && !errors.Is(err, kind) {
			t.Errorf("%s: models %v, %v; want %q", body, list, err, string(kind))
		}
		if err := p.CheckHealth(t.Context()); (kind == "") != (err == nil) {
			t.Errorf("%s: health %v; want %q", body, err, string(kind))
		}
	}
	s.SetScript(upstream.Always(upstream.Reply{Status: 404}))
	if err := p.CheckHealth(t.Context()); err != nil {
		t.Errorf("a server without a list: %v", err)
	}
}
