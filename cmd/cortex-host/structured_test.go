package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

const formatQuery = `{"id":"q","messages":[{"role":"user","content":"Who?"}],"max_tokens":50,"response_format":{"name":"person",` +
	`"schema":{"type":"object","properties":{"name":{"type":"string"}},"required":["name"],"additionalProperties":false}}}` + "\n"

// askForFormat runs formatQuery and returns its row.
func askForFormat(t *testing.T, env []string, args ...string) (row sdk.Result, code int) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "q.ndjson"), []byte(formatQuery), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(layout, "cortex-host"), append([]string{"batch", "q.ndjson", "--price", "1,2"}, args...)...)
	cmd.Dir, cmd.Env = dir, append(cleanEnv(dir), env...)
	out, errs, _, code := timed(t, cmd)
	if err := json.Unmarshal([]byte(out), &row); err != nil {
		t.Fatalf("exit %d: %v\n%s%s", code, err, out, errs)
	}
	return row, code
}

// Whoever the vendor is, the host holds an answer against the schema, lets it be
// mended once, and counts what that costs.
func TestAnswersAreHeldAgainstTheirSchema(t *testing.T) {
	for vendor, c := range map[string]struct {
		dialect  upstream.Dialect
		variable string
		path     string
	}{
		"openai":    {upstream.OpenAI(), "OPENAI_API_KEY", "/v1"},
		"anthropic": {upstream.Anthropic(), "ANTHROPIC_API_KEY", ""},
		"gemini":    {upstream.Gemini(), "GEMINI_API_KEY", ""},
	} {
		for name, want := range map[string]struct {
			answers  []string
			attempts int
			code     int
			kind     sdk.Kind
			more     []string
		}{
			"right":         {[]string{`{"name":"Igor"}`}, 1, 0, "", nil},
			"mended":        {[]string{`{"nom":"Igor"}`, `{"name":"Igor"}`}, 2, 0, "", nil},
			"never right":   {[]string{`Igor`, `Igor!`, `{"name":"Igor"}`}, 2, 3, sdk.BadResponse, nil},
			"no retries":    {[]string{`Igor`, `{"name":"Igor"}`}, 1, 3, sdk.BadResponse, []string{"--retry-failed=false"}},
			"no more money": {[]string{`Igor`, `{"name":"Igor"}`}, 1, 3, sdk.TooLarge, []string{"--max-cost", "0.0014"}},
		} {
			t.Run(vendor+"/"+name, func(t *testing.T) {
				s := startVendor(t, upstream.Config{Dialect: c.dialect, Answer: func(r upstream.Request) string { return want.answers[min(r.Number, len(want.answers)-1)] }})
				args := append([]string{"--provider", vendor, "--base-url", s.URL() + c.path}, want.more...)
				row, code := askForFormat(t, []string{c.variable + "=sk-1"}, args...)
				if code != want.code || row.Attempts != want.attempts || s.Stats().Requests != want.attempts {
					t.Fatalf("exit %d, %d attempts, %d requests: %+v %v", code, row.Attempts, s.Stats().Requests, row, row.Error)
				}
				if want.kind == "" != row.Success() || row.Error != nil && row.Error.Kind != want.kind {
					t.Errorf("got %+v", row.Error)
				}
				if row.Response == nil || row.Response.Usage.PromptTokens != int64(12*want.attempts) || row.Response.Cost == nil {
					t.Fatalf("the answer and its cost are not kept: %+v", row.Response)
				}
				if cost := row.Response.Cost.USD(); cost < 12e-6*float64(want.attempts) {
					t.Errorf("%g dollars for %d attempts", cost, want.attempts)
				}
				if want.attempts == 2 && !strings.Contains(string(s.Requests()[1].Body), "Reply again with one JSON value") {
					t.Errorf("it was asked again with %s", s.Requests()[1].Body)
				}
			})
		}
	}
}

// A provider that cannot be told of a schema is held to it too.
func TestAnswersOfTheSimulatorAreHeldAgainstTheirSchema(t *testing.T) {
	if row, code := askForFormat(t, nil, "--provider", "simulator"); code != 3 || row.Attempts != 2 || row.Error.Kind != sdk.BadResponse {
		t.Errorf("exit %d: %+v", code, row)
	}
}
