package wasm_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/cortexlinux/cortex-host/core/wasm"
)

const paramsManifest = `{"abi":1,"kind":"generator","name":"p","version":"1.0.0","summary":"x","params":{
	"type":"object","additionalProperties":false,"required":["who"],
	"properties":{"who":{"type":"string"},"n":{"type":"integer","minimum":1,"maximum":10,"default":3},"deep":{"type":"object","additionalProperties":false,"properties":{"x":{"type":"boolean"}}}}},
	"presets":[{"name":"me","params":{"who":"me","n":4}}]}`

// Every error names the parameter.
func TestParams(t *testing.T) {
	m, err := wasm.Parse("p", guest{manifest: paramsManifest, bodies: [][]byte{nil}}.build())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ preset, params, want, mention string }{
		{"", `{"who":"you"}`, `{"n":3,"who":"you"}`, ""},
		{"me", `{}`, `{"n":4,"who":"me"}`, ""},
		{"me", `{"n":5}`, `{"n":5,"who":"me"}`, ""},
		{"", `{}`, "", `"who" is missing`},
		{"", `{"who":7}`, "", `"who"`},
		{"", `{"who":"x","n":0}`, "", `"n"`},
		{"", `{"who":"x","n":11}`, "", `"n"`},
		{"", `{"who":"x","n":1e999999999}`, "", `"n"`},
		{"", `{"who":"x","deep":{"x":1}}`, "", `"deep.x"`},
		{"", `{"who":"x","deep":{"y":1}}`, "", `"deep": it has no member "y"`},
		{"", `{"who":"x","whom":"y"}`, "", `"whom": it knows deep, n, who`},
		{"you", `{}`, "", `"you"; one of me`},
	} {
		var given map[string]json.RawMessage
		if err := json.Unmarshal([]byte(c.params), &given); err != nil {
			t.Fatal(err)
		}
		got, err := m.Params(c.preset, given)
		if c.mention != "" {
			if err == nil || !strings.Contains(err.Error(), c.mention) {
				t.Errorf("%s %s: %v does not mention %s", c.preset, c.params, err, c.mention)
			}
			continue
		}
		raw, _ := json.Marshal(got)
		if err != nil || string(raw) != c.want {
			t.Errorf("%s %s: %s (%v), want %s", c.preset, c.params, raw, err, c.want)
		}
	}
}

func TestParamFromText(t *testing.T) {
	m, err := wasm.Parse("p", guest{manifest: paramsManifest, bodies: [][]byte{nil}}.build())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range [][3]string{{"who", "7", `"7"`}, {"who", `a"b`, `"a\"b"`}, {"n", "7", "7"}, {"n", "seven", `"seven"`}, {"deep", `{"x":true}`, `{"x":true}`}} {
		if got, err := m.ParamFromText(c[0], c[1]); err != nil || string(got) != c[2] {
			t.Errorf("%s=%s: %s (%v), want %s", c[0], c[1], got, err, c[2])
		}
	}
	if _, err := m.ParamFromText("whom", "x"); err == nil || !strings.Contains(err.Error(), "it knows deep, n, who") {
		t.Errorf("an unknown parameter: %v", err)
	}
}
