package providertest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider"
	"github.com/cortexlinux/cortex-host/sdk/provider/httpapi"
	"github.com/cortexlinux/cortex-host/sdk/provider/providertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const fixtureJSON = `{
	"settings": {"key": "secret-canary-in-a-fixture"},
	"bad_settings": [{"settings": {"key": 7}, "names": "key"}],
	"upstream": {
		"base_url": "url", "ca": "ca", "request_id": "x-request-id",
		"success": {"text": "{{answer}}", "in": 3, "out": 5},
		"usage": {"prompt_tokens": 3, "completion_tokens": 5},
		"requests": [
			{"name": "plain", "query": {"id": "x", "messages": [{"role": "user", "content": "hi"}]}, "path": "/ask", "headers": {"X-None": ""}, "body": {"prompt": "hi"}},
			{"name": "nothing to say", "query": {"id": "x", "messages": [{"role": "user", "content": "nothing"}]}, "kind": "invalid_request"}
		],
		"models": {"body": {"names": ["a", "b"]}, "models": [{"id": "a"}, {"id": "b"}]},
		"rate_limit": {"headers": {"x-ratelimit-limit-requests": "9", "x-ratelimit-remaining-requests": "8"}, "limit": 9, "remaining": 8},
		"finish": [{"name": "length", "body": {"text": "half", "cut": true}, "reason": "length"}],
		"errors": [{"status": 401, "kind": "unauthenticated", "body": {"error": "wrong: secret-canary-in-a-fixture"}}]
	}
}`

// toy is a small provider, right in everything but its defect.
type toy struct {
	defect string
	client atomic.Pointer[httpapi.Client]
	key    atomic.Pointer[string]
	url    atomic.Pointer[string]
}

func (p *toy) Describe() sdk.Description {
	d := sdk.Description{Name: "toy", Version: "1.0.0", Summary: "A toy", EgressHosts: []string{"api.example.com"},
		ConfigSchema: json.RawMessage(`{"type":"object","properties":{"key":{"type":"string","x-secret":true,"x-env":"TOY_KEY"},"url":{"type":"string"},"ca":{"type":"string","x-file":true}}}`)}
	if p.defect == "handshake" {
		panic("oh")
	}
	if p.defect == "describe" {
		d.Version = "v1"
	}
	return d
}

func (p *toy) Configure(_ context.Context, s sdk.Settings) error {
	var c struct {
		Key string `json:"key"`
		URL string `json:"url"`
		CA  string `json:"ca"`
	}
	if p.defect == "configure refuses" {
		delete(s, "no_such_property")
	}
	if err := httpapi.DecodeSettings(s, &c); err != nil {
		return sdk.Errorf(sdk.InvalidRequest, "%w", err)
	}
	if c.URL == "" {
		c.URL = "https://api.example.com"
	}
	cfg := httpapi.Config{BaseURL: c.URL, CA: c.CA, Secrets: []string{c.Key}}
	if p.defect == "error: 401 unauthenticated" {
		cfg.Secrets = nil
	}
	if p.defect == "TLS with a CA of its own" {
		cfg.CA = ""
	}
	client, err := httpapi.New(cfg)
	if err != nil {
		return sdk.Errorf(sdk.InvalidRequest, "url: %w", err)
	}
	p.url.Store(&c.URL)
	p.key.Store(&c.Key)
	if last := p.client.Swap(client); last != nil {
		last.Close()
	}
	return nil
}

func (p *toy) Complete(ctx context.Context, q *sdk.Query) (*sdk.Response, error) {
	client := p.client.Load()
	if client == nil {
		return nil, sdk.Errorf(sdk.Internal, "not configured")
	}
	fields := map[string]any{"prompt": q.Messages[len(q.Messages)-1].Text}
	if p.defect == "request: plain" {
		fields["temperature"] = 0 // though the query sets none
	}
	if fields["prompt"] == "nothing" && p.defect != "request: nothing to say" {
		return nil, sdk.Errorf(sdk.InvalidRequest, "there is nothing to ask")
	}
	if p.defect == "metadata stays home" {
		fields["metadata"] = q.Metadata
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	switch p.defect {
	case "internal":
		return nil, errors.New("a bug")
	case "cancel", "deadline":
		ctx = context.WithoutCancel(ctx)
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, 4*time.Second)
		defer cancel()
	case "redirect to another host":
		return p.follow(ctx, body)
	}
	r, err := p.post(ctx, client, body)
	if p.defect == "error: 500 without a body of the vendor's" && err != nil {
		r, err = p.post(ctx, client, body) // a retry
	}
	return r, p.spoil(err)
}

func (p *toy) ListModels(ctx context.Context) ([]sdk.Model, error) {
	reply, err := p.client.Load().Get(ctx, "/models", "")
	if err != nil {
		return nil, err
	}
	defer reply.Close()
	var list struct{ Names []string }
	if err := reply.Decode(&list); err != nil {
		return nil, err
	}
	var models []sdk.Model
	for _, name := range list.Names {
		models = append(models, sdk.Model{ID: name})
	}
	if p.defect == "list models" {
		models = models[:1]
	}
	return models, nil
}

func (p *toy) CheckHealth(ctx context.Context) error {
	if p.defect == "check health" {
		return nil // without a look
	}
	_, err := p.ListModels(ctx)
	return err
}

// follow is a client as it comes: it follows redirects.
func (p *toy) follow(ctx context.Context, body []byte) (*sdk.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, *p.url.Load(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, sdk.Errorf(sdk.InDoubt, "%w", err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	return nil, httpapi.StatusError(404, resp.Header, nil)
}

// spoil makes an error wrong in the way of the defect.
func (p *toy) spoil(err error) error {
	e := sdk.AsError(err, sdk.Internal)
	if e == nil {
		return nil
	}
	switch {
	case p.defect == "retry-after: seconds":
		e.RetryAfter = nil
	case p.defect == "retry-after: negative" && e.Kind == sdk.RateLimited && e.RetryAfter == nil:
		d := -5 * time.Second
		e.RetryAfter = &d
	case p.defect == "error: 429 without a body of the vendor's" && e.Kind == sdk.RateLimited:
		e.Kind = sdk.Overloaded
	case p.defect == "fault: reset inside the reply" && e.Kind == sdk.InDoubt:
		e.Kind = sdk.Unreachable
	case p.defect == "nobody listens" && e.Kind == sdk.Unreachable:
		e.Kind = sdk.InDoubt
	case p.defect == "x-should-retry":
		e.ShouldRetry = nil
	case p.defect == "rate-limit headers":
		e.RateLimit = nil
	case p.defect == "request id":
		e.RequestID = ""
	}
	return e
}

func (p *toy) post(ctx context.Context, client *httpapi.Client, body []byte) (*sdk.Response, error) {
	reply, err := client.Post(ctx, "/ask", body)
	if err != nil {
		return nil, err
	}
	defer reply.Close()
	var v struct {
		Text    string `json:"text"`
		In, Out httpapi.Tokens
		Cut     bool `json:"cut"`
	}
	if err := reply.Decode(&v); err != nil {
		return nil, err
	}
	if v.Text == "" && p.defect != "fault: empty object" {
		return nil, reply.BodyError()
	}
	r := &sdk.Response{Content: v.Text, FinishReason: sdk.Stop, RequestID: reply.RequestID(), RateLimit: reply.RateLimit(),
		Usage: &sdk.Usage{PromptTokens: int64(v.In), CompletionTokens: int64(v.Out)}}
	if v.Cut && p.defect != "finish: length" {
		r.FinishReason = sdk.Length
	}
	if p.defect == "one call" {
		r.Usage = nil
	}
	return r, nil
}

func fixture(t testing.TB) providertest.Fixture {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fixture.json")
	if err := os.WriteFile(path, []byte(fixtureJSON), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := providertest.ReadFixture(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestASoundProviderPasses(t *testing.T) {
	providertest.Run(t, func() provider.Plugin { return new(toy) }, fixture(t))
}

// bare is a door without the Go SDK's end of the wire, which mends some defects
// before the host can see them. Plugins in other languages have none.
type bare struct{ defect string }

func (b bare) Open(_ context.Context, s providertest.Surroundings) (providertest.Instance, error) {
	if s.CertFile != "" {
		return nil, providertest.ErrNoCA
	}
	return bareInstance{&toy{defect: b.defect}}, nil
}

type bareInstance struct{ *toy }

func (b bareInstance) Describe(context.Context) (sdk.Description, error) {
	return b.toy.Describe(), nil
}

func (b bareInstance) Client(context.Context) (*provider.Client, error) {
	return nil, errors.New("there is no wire")
}

func (b bareInstance) Close() error { return nil }

// Log is what a plugin that prints its settings would have written.
func (b bareInstance) Log() string {
	if b.defect == "no secret in the log" {
		return "configured with secret-canary-in-a-fixture"
	}
	return "configured"
}

// hidden are the defects that the SDK mends.
var hidden = map[string]bool{"no secret in the log": true, "error: 401 unauthenticated": true, "retry-after: negative": true}

// Every defect is found, by name.
func TestDefectsAreFound(t *testing.T) {
	f := fixture(t)
	for _, defect := range []string{
		"handshake", "request: plain", "request: nothing to say", "list models", "check health",
		"describe", "configure refuses", "one call", "metadata stays home", "cancel", "deadline",
		"error: 401 unauthenticated", "error: 429 without a body of the vendor's", "error: 500 without a body of the vendor's",
		"retry-after: seconds", "retry-after: negative", "fault: reset inside the reply", "fault: empty object", "finish: length",
		"no secret in the log", "x-should-retry", "rate-limit headers", "request id", "redirect to another host", "nobody listens", "TLS with a CA of its own",
	} {
		t.Run(defect, func(t *testing.T) {
			door := providertest.Direct(func() provider.Plugin { return &toy{defect: defect} })
			if hidden[defect] {
				door = bare{defect}
			}
			finding, found, err := providertest.CheckOnly(t.Context(), door, f, defect)
			if err != nil || !found || finding.Status != providertest.Fail {
				t.Errorf("got %+v, %v, %v", finding, found, err)
			}
			if strings.Contains(finding.Detail, "secret-canary") {
				t.Errorf("the kit itself shows a secret: %s", finding.Detail)
			}
		})
	}
}

func TestAReportOfADefect(t *testing.T) {
	broken := func() provider.Plugin { return &toy{defect: "x-should-retry"} }
	var seen int
	report, err := providertest.Check(t.Context(), providertest.Direct(broken), fixture(t), func(providertest.Finding) { seen++ })
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := report.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	if report.Passed() || report.Claimed != providertest.Faults || report.Reached != providertest.Robust || seen != len(report.Findings) ||
		!strings.Contains(b.String(), "fail  faults    x-should-retry: ") || !strings.Contains(b.String(), "does not pass") {
		t.Error(b.String())
	}
}

// Whatever check fails, the report says how to mend it, once.
func TestEachCheckSaysHowToMendIt(t *testing.T) {
	broken := func() provider.Plugin { return &toy{defect: "request: plain"} }
	report, err := providertest.Check(t.Context(), providertest.Direct(broken), fixture(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Findings {
		if providertest.MendOf(f.Name) == "" {
			t.Errorf("%s: nothing says how to mend it", f.Name)
		}
		if (f.Mend != "") != (f.Status == providertest.Fail) {
			t.Errorf("%s: %s, mend: %q", f.Name, f.Status, f.Mend)
		}
	}
	var b strings.Builder
	if err := report.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	if strings.Count(b.String(), "-> "+providertest.MendOf("request: ")) != 1 {
		t.Error(b.String())
	}
}

// A plugin of another name than its file's can be installed by nobody.
func TestTheFilesNameIsThePlugins(t *testing.T) {
	door := namedDoor{providertest.Direct(func() provider.Plugin { return &toy{} }), "other"}
	report, err := providertest.Check(t.Context(), door, fixture(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	if f := report.Findings[0]; report.Passed() || f.Name != "handshake" || !strings.Contains(f.Detail, "calls itself toy, its file cortex-provider-other") {
		t.Errorf("%+v", report)
	}
}

type namedDoor struct {
	providertest.Door
	name string
}

func (d namedDoor) Name() string { return d.name }

// What the plugin wrote before it broke is in the report.
func TestTheEndOfTheLogIsShown(t *testing.T) {
	door := loggingDoor{providertest.Direct(func() provider.Plugin { return &toy{defect: "internal"} })}
	f, found, err := providertest.CheckOnly(t.Context(), door, fixture(t), "one call")
	if err != nil || !found || !strings.Contains(f.Detail, "its log ends:\nTraceback\nValueError: [secret]") {
		t.Errorf("%v, %v, %+v", found, err, f)
	}
}

type loggingDoor struct{ providertest.Door }

func (d loggingDoor) Open(ctx context.Context, s providertest.Surroundings) (providertest.Instance, error) {
	i, err := d.Door.Open(ctx, s)
	return loggingInstance{i}, err
}

type loggingInstance struct{ providertest.Instance }

func (loggingInstance) Log() string {
	return "[DEBUG] waiting for it\n[DEBUG] cortex-provider-toy: Traceback\n[DEBUG] cortex-provider-toy: ValueError: secret-canary-in-a-fixture\n"
}

func TestReadFixture(t *testing.T) {
	for text, says := range map[string]string{
		`{"setings":{}}`: "setings",
		`{"settings":{},"upstream":{"success":{}}}`:                                                               "base_url",
		`{"settings":{},"upstream":{"base_url":"url","success":{},"errors":[]}}`:                                  "{{answer}}",
		`{"settings":{},"upstream":{"base_url":"url","success":"{{answer}}","errors":[{"status":500}]}}`:          "kind",
		`{"settings":{},"query":{"id":"","messages":[]}}`:                                                         "id",
		`{"settings":{},"upstream":{"base_url":"url","success":"{{answer}}","errors":[{"status":1,"kind":"x"}]}}`: "status",
	} {
		path := filepath.Join(t.TempDir(), "f.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := providertest.ReadFixture(path); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, want %q", text, err, says)
		}
	}
}

func ExampleCheck() {
	quiet := func() provider.Plugin { return silent{} }
	report, err := providertest.Check(context.Background(), providertest.Direct(quiet), providertest.Fixture{}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Provider, report.Claimed, report.Reached, report.Passed())
	// Output: silent robust robust true
}

// silent is a provider without an upstream.
type silent struct{}

func (silent) Describe() sdk.Description {
	return sdk.Description{Name: "silent", Version: "0.1.0", Summary: "Says nothing much", ConfigSchema: json.RawMessage(`{"type":"object"}`), Local: true}
}

func (silent) Configure(_ context.Context, s sdk.Settings) error {
	var none struct{}
	return httpapi.DecodeSettings(s, &none)
}

func (silent) Complete(context.Context, *sdk.Query) (*sdk.Response, error) {
	return &sdk.Response{Content: "...", FinishReason: sdk.Stop}, nil
}
