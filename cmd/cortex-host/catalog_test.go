package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/cortexlinux/cortex-host/core/store"
	"github.com/cortexlinux/cortex-host/sdk"
)

// A preset of an installed plugin takes the place of none of this program's, and
// so gets no key that is meant for it.
func TestAPresetTakesNobodysName(t *testing.T) {
	plugin := func(name, by string, presets ...string) []offer {
		about := sdk.Description{Name: name}
		for _, preset := range presets {
			about.Presets = append(about.Presets, sdk.Preset{Name: preset})
		}
		return offers(store.Plugin{Name: name, Pin: store.Pin{By: by}}, about)
	}
	var list []offer
	list = append(list, plugin("aaa", store.ByLock, "kimi", "openai", "mine")...)
	list = append(list, plugin("bbb", store.ByLock, "mine")...)
	list = append(list, plugin("openai", store.ByBuild, "kimi", "ollama")...)
	list = append(list, plugin("ollama", store.ByLock)...)
	var said bytes.Buffer
	var got []string
	for _, o := range (&catalog{app: &app{stderr: &said}}).distinct(list) {
		got = append(got, o.plugin.Name+"/"+o.name)
	}
	if want := "aaa/aaa aaa/mine bbb/bbb openai/openai openai/kimi ollama/ollama"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if n := strings.Count(said.String(), "is hidden by that name of the plugin"); n != 4 {
		t.Errorf("%d warnings: %s", n, said.String())
	}
}
