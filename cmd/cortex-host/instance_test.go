package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/cortexlinux/cortex-host/sdk"
)

// One key may be the beginning of another: nothing of either is shown.
func TestRedactTakesTheLongestSecretFirst(t *testing.T) {
	const short, long = "sk-canary-0123456789", "sk-canary-0123456789-and-the-rest"
	for _, secrets := range [][]string{{short, long}, {long, short}} {
		if got := redact("a "+long+" b "+short, secrets); got != "a [redacted] b [redacted]" {
			t.Error(got)
		}
	}
}

// What the journal tells of a provider's settings has no secret in it: not one
// that is marked, nor one in an address or in a table.
func TestSettingsAreToldWithoutSecrets(t *testing.T) {
	schema := `{"type":"object","properties":{"api_key":{"type":"string","x-secret":true},"base_url":{"type":"string","default":"https://api.example"},
		"model":{"type":"string"},"region":{"type":"string"},"retries":{"type":"integer"},"extra":{"type":"object"},"ca":{"type":"string"},"unset":{"type":"string"}}}`
	o := offer{about: sdk.Description{ConfigSchema: json.RawMessage(schema)}}
	settings := sdk.Settings{"api_key": quoteJSON("sk-canary"), "model": quoteJSON("m"), "region": quoteJSON("eu"), "retries": json.RawMessage("3"),
		"extra": json.RawMessage(`{"X-Token":"canary"}`), "ca": quoteJSON(strings.Repeat("canary", 100))}
	told := func() string {
		var b strings.Builder
		for _, f := range o.openSettings(settings) {
			fmt.Fprintf(&b, "%s=%.40s ", f.Name, f.Value)
		}
		return b.String()
	}
	if got := told(); strings.Contains(got, "canary") || strings.Count(got, "sha256:") != 2 ||
		!strings.Contains(got, "base_url=https://api.example ") || !strings.HasSuffix(got, "region=eu retries=3 ") {
		t.Error(got)
	}
	settings["base_url"] = quoteJSON("https://me:canary@llm.example:8443/v1?key=canary")
	if got := told(); !strings.Contains(got, "base_url=https://llm.example:8443/v1 ") || strings.Contains(got, "canary") {
		t.Error(got)
	}
}

// What is secret in an address is known as it stands there and as it is meant.
func TestSecretsOfAnAddress(t *testing.T) {
	for address, want := range map[string]string{
		"https://llm.example/v1":                     "",
		"https://me:p%61'ss@llm.example":             "pa'ss p%61'ss",
		"https://t0ken%2fabc@llm.example/v1?x=me@b":  "t0ken/abc t0ken%2fabc",
		"https://t0ken:@llm.example":                 "t0ken t0ken",
		"https://llm.example/?v=2&api_key=a%20b&x=y": "a b a%20b",
	} {
		if got := strings.Join(secretsOfAddress(address), " "); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}
