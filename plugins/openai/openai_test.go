package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// vendor starts an upstream and a provider that is configured for it.
func vendor(t testing.TB, cfg upstream.Config, more sdk.Settings) (*upstream.Server, *Provider) {
	t.Helper()
	s, err := upstream.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	p := new(Provider)
	settings := sdk.Settings{"base_url": quote(s.URL() + "/v1")}
	maps.Copy(settings, more)
	if err := p.Configure(t.Context(), settings); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		p.session.Load().client.Close()
	})
	return s, p
}

func quote(s string) json.RawMessage {
	data, _ := json.Marshal(s)
	return data
}

func query(text string) *sdk.Query {
	return &sdk.Query{ID: "q", Messages: []sdk.Message{{Role: sdk.User, Text: text}}}
}

func ptr[T any](v T) *T { return &v }

func TestComplete(t *testing.T) {
	s, p := vendor(t, upstream.Config{Key: "sk-1", Limit: upstream.Limit{PerSecond: 100, Burst: 60, Headers: true}},
		sdk.Settings{"api_key": quote("sk-1"), "organization": quote("org-1"), "project": quote("proj-1"), "headers": json.RawMessage(`{"X-Team":"blue"}`)})
	r, err := p.Complete(t.Context(), query("what is nginx?"))
	if err != nil {
		t.Fatal(err)
	}
	if r.Content != "You asked: what is nginx?" || r.FinishReason != sdk.Stop || r.Model != defaultModel ||
		r.ModelServed != defaultModel || r.RequestID != "req-0" || r.Latency <= 0 || r.Usage == nil || r.Usage.PromptTokens == 0 {
		t.Errorf("got %+v", r)
	}
	if r.RateLimit == nil || *r.RateLimit.Requests.Limit != 60 || *r.RateLimit.Requests.Remaining != 59 {
		t.Errorf("limits: %+v", r.RateLimit)
	}
	got := s.Requests()[0]
	if got.Path != "/v1/chat/completions" || got.Header.Get("Openai-Organization") != "org-1" || got.Header.Get("Openai-Project") != "proj-1" ||
		got.Header.Get("X-Team") != "blue" || got.Header.Get("Idempotency-Key") != "" {
		t.Errorf("got %s %v", got.Path, got.Header)
	}
}

func TestRequestBody(t *testing.T) {
	image := sdk.Message{Role: sdk.User, Parts: []sdk.Part{{Text: "what is <this>?"}, {Image: &sdk.Image{URL: "https://example.com/a.png", Detail: "low"}}}}
	for _, c := range []struct {
		name  string
		query sdk.Query
		want  string
	}{
		{"unset is not sent", sdk.Query{Model: "m"}, `{"model":"m","messages":[]}`},
		{"temperature and max_tokens", sdk.Query{Model: "m", Temperature: ptr(0.0), MaxTokens: ptr(7)}, `{"model":"m","messages":[],"temperature":0,"max_tokens":7}`},
		{"reasoning", sdk.Query{Model: "o3", Temperature: ptr(0.5), MaxTokens: ptr(7)}, `{"model":"o3","messages":[],"max_completion_tokens":7}`},
		{"behind a gateway", sdk.Query{Model: "openai/gpt-5-mini", MaxTokens: ptr(7)}, `{"model":"openai/gpt-5-mini","messages":[],"max_completion_tokens":7}`},
		{"parts", sdk.Query{Model: "m", Messages: []sdk.Message{{Role: sdk.Developer, Text: "be brief"}, image}},
			`{"model":"m","messages":[{"role":"system","content":"be brief"},{"role":"user","content":[{"type":"text","text":"what is <this>?"},{"type":"image_url","image_url":{"url":"https://example.com/a.png","detail":"low"}}]}]}`},
		{"kimi", sdk.Query{Model: "kimi-k2.6", Temperature: ptr(0.5), MaxTokens: ptr(7)}, `{"model":"kimi-k2.6","messages":[],"max_tokens":7}`},
		{"chat variant", sdk.Query{Model: "gpt-5.3-chat-latest", Temperature: ptr(0.5), MaxTokens: ptr(7)}, `{"model":"gpt-5.3-chat-latest","messages":[],"temperature":0.5,"max_completion_tokens":7}`},
		{"not reasoning", sdk.Query{Model: "olmo-2", MaxTokens: ptr(7)}, `{"model":"olmo-2","messages":[],"max_tokens":7}`},
		{"options", sdk.Query{Model: "m", Options: map[string]json.RawMessage{"top_p": json.RawMessage(`0.5`), "max_tokens": json.RawMessage(`9`)}},
			`{"model":"m","messages":[],"max_tokens":9,"top_p":0.5}`},
		{"format", sdk.Query{Model: "m", ResponseFormat: &sdk.ResponseFormat{Name: "a", Schema: json.RawMessage(`{"type":"object"}`)}},
			`{"model":"m","messages":[],"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{"type":"object"}}}}`},
		{"strict format", sdk.Query{Model: "m", ResponseFormat: &sdk.ResponseFormat{Name: "a", Schema: json.RawMessage(`{"type":"object","properties":{"b":{"type":"string"}},"required":["b"],"additionalProperties":false}`)}},
			`{"model":"m","messages":[],"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{"type":"object","properties":{"b":{"type":"string"}},"required":["b"],"additionalProperties":false},"strict":true}}}`},
		{"tools", sdk.Query{Model: "m", Tools: []sdk.Tool{{Name: "df", Description: "free space", Parameters: json.RawMessage(`{"type":"object"}`)}}, ToolChoice: "df", Messages: []sdk.Message{
			{Role: sdk.Assistant, ToolCalls: []sdk.ToolCall{{ID: "c1", Name: "df", Arguments: "{}"}}}, {Role: sdk.ToolRole, ToolCallID: "c1", Text: "91%"}}},
			`{"model":"m","messages":[{"role":"assistant","content":"","tool_calls":[{"id":"c1","type":"function","function":{"name":"df","arguments":"{}"}}]},{"role":"tool","content":"91%","tool_call_id":"c1"}],` +
				`"tools":[{"type":"function","function":{"name":"df","description":"free space","parameters":{"type":"object"}}}],"tool_choice":{"type":"function","function":{"name":"df"}}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := buildRequest(c.query.Model, &c.query)
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestReservedOptions(t *testing.T) {
	s, p := vendor(t, upstream.Config{}, nil)
	for _, name := range []string{"model", "Messages", "stream", "STREAM", "max_tokens", "max_completion_tokens"} {
		q := query("x")
		q.MaxTokens = ptr(5)
		q.Options = map[string]json.RawMessage{name: json.RawMessage(`true`)}
		if _, err := p.Complete(t.Context(), q); !errors.Is(err, sdk.InvalidRequest) || !strings.Contains(err.Error(), name) {
			t.Errorf("options.%s: got %v", name, err)
		}
	}
	q := query("x")
	q.Options = map[string]json.RawMessage{"a": json.RawMessage(`1,"model":"dear"`)}
	if _, err := p.Complete(t.Context(), q); !errors.Is(err, sdk.InvalidRequest) {
		t.Errorf("got %v", err)
	}
	if n := s.Stats().Requests; n != 0 {
		t.Errorf("bad options cost %d calls", n)
	}
}

func TestReplies(t *testing.T) {
	s, p := vendor(t, upstream.Config{}, nil)
	for _, c := range []struct {
		name, body string
		want       sdk.Response
		kind       sdk.Kind
	}{
		{name: "usage", body: `{"model":"m-1","choices":[{"finish_reason":"stop","message":{"content":"a"}}],"usage":{"prompt_tokens":10,"completion_tokens":20,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":5}}}`,
			want: sdk.Response{Content: "a", ModelServed: "m-1", FinishReason: sdk.Stop, Usage: &sdk.Usage{PromptTokens: 10, CompletionTokens: 20, CachedTokens: 4, ReasoningTokens: 5}}},
		{name: "cost", body: `{"choices":[{"finish_reason":"stop","message":{"content":"a"}}],"usage":{"prompt_tokens":1,"completion_tokens":2,"cost":0.25}}`,
			want: sdk.Response{Content: "a", FinishReason: sdk.Stop, Cost: ptr(sdk.MoneyFromUSD(0.25)), Usage: &sdk.Usage{PromptTokens: 1, CompletionTokens: 2}}},
		{name: "silly usage", body: `{"choices":[{"finish_reason":"stop","message":{"content":"a"}}],"usage":{"prompt_tokens":-1,"completion_tokens":2.0,"cost":{"total":1},"prompt_tokens_details":null,"completion_tokens_details":{"reasoning_tokens":"x"}}}`,
			want: sdk.Response{Content: "a", FinishReason: sdk.Stop, Usage: &sdk.Usage{CompletionTokens: 2}}},
		{name: "no usage", body: `{"choices":[{"message":{"content":"a"}}]}`, want: sdk.Response{Content: "a"}},
		{name: "length", body: `{"choices":[{"finish_reason":"length","message":{"content":"half"}}]}`, want: sdk.Response{Content: "half", FinishReason: sdk.Length}},
		{name: "length, nothing shown", body: `{"choices":[{"finish_reason":"length","message":{"content":null}}]}`, want: sdk.Response{FinishReason: sdk.Length}},
		{name: "refusal", body: `{"choices":[{"finish_reason":"stop","message":{"content":null,"refusal":"no"}}]}`, want: sdk.Response{Content: "no", FinishReason: sdk.Refusal}},
		{name: "filter", body: `{"choices":[{"finish_reason":"content_filter","message":{"content":""}}]}`, want: sdk.Response{FinishReason: sdk.Filtered}},
		{name: "tools", body: `{"choices":[{"finish_reason":"stop","message":{"content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"df","arguments":"{\"a\":1}"}}]}}]}`,
			want: sdk.Response{FinishReason: sdk.ToolUse, ToolCalls: []sdk.ToolCall{{ID: "1", Name: "df", Arguments: `{"a":1}`}}}},
		{name: "parts", body: `{"choices":[{"finish_reason":"stop","message":{"content":[{"type":"thinking","thinking":[]},{"type":"text","text":"a"}]}}]}`, want: sdk.Response{Content: "a", FinishReason: sdk.Stop}},
		{name: "empty", body: `{"choices":[{"finish_reason":"stop","message":{"content":""}}]}`, kind: sdk.BadResponse},
		{name: "no choices", body: `{"choices":[]}`, kind: sdk.BadResponse},
		{name: "not json", body: `<html>`, kind: sdk.BadResponse},
		{name: "error inside", body: `{"error":{"code":502,"message":"provider down"}}`, kind: sdk.InDoubt},
		{name: "rate limit inside", body: `{"error":{"code":429,"message":"slow"},"choices":[]}`, kind: sdk.RateLimited},
		{name: "error without a code", body: `{"error":{"message":"what"}}`, kind: sdk.BadResponse},
		{name: "gave up", body: `{"choices":[{"finish_reason":"insufficient_system_resource","message":{"content":"ha"}}]}`, kind: sdk.Overloaded},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.SetScript(upstream.Always(upstream.Reply{Body: []byte(c.body)}))
			got, err := p.Complete(t.Context(), query(c.name))
			if c.kind != "" {
				var e *sdk.Error
				if !errors.As(err, &e) || e.Kind != c.kind || e.RequestID == "" {
					t.Fatalf("got %v, %v, want %s", got, err, c.kind)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			c.want.Model, c.want.RequestID, c.want.Latency = got.Model, got.RequestID, got.Latency
			if !reflect.DeepEqual(*got, c.want) {
				t.Errorf("got  %+v\nwant %+v", *got, c.want)
			}
		})
	}
}

func TestOneCallWhateverHappens(t *testing.T) {
	for _, status := range []int{301, 307, 400, 401, 408, 409, 429, 500, 502, 503, 529} {
		s, p := vendor(t, upstream.Config{Script: upstream.Always(upstream.Reply{Status: status, Header: http.Header{"Location": {"http://127.0.0.1:1/"}}})}, nil)
		if _, err := p.Complete(t.Context(), query("x")); err == nil {
			t.Errorf("%d: no error", status)
		}
		if n := s.Stats().Requests; n != 1 {
			t.Errorf("%d: %d calls", status, n)
		}
	}
}

func TestConfigure(t *testing.T) {
	for _, c := range []struct {
		name     string
		settings sdk.Settings
		want     string // part of the error; empty for success
	}{
		{"no key", sdk.Settings{}, "OPENAI_API_KEY"},
		{"key", sdk.Settings{"api_key": quote("sk-x")}, ""},
		{"header for key", sdk.Settings{"base_url": quote("https://x.openai.azure.com/openai/deployments/d?api-version=1"), "headers": json.RawMessage(`{"api-key":"secret"}`)}, ""},
		{"loopback", sdk.Settings{"base_url": quote("http://localhost:8080/v1")}, ""},
		{"loopback 127", sdk.Settings{"base_url": quote("http://127.0.0.9/v1")}, ""},
		{"unknown property", sdk.Settings{"apikey": quote("sk-x")}, "apikey"},
		{"wrong type", sdk.Settings{"api_key": json.RawMessage(`12345678`)}, "api_key: must be a string"},
		{"no url", sdk.Settings{"base_url": quote("example.com/v1"), "api_key": quote("sk-x")}, "base_url"},
		{"password", sdk.Settings{"base_url": quote("https://me:hush@example.com"), "api_key": quote("sk-x")}, "base_url"},
		{"newline", sdk.Settings{"api_key": quote("sk-secret\n")}, "newline"},
		{"ca", sdk.Settings{"api_key": quote("sk-x"), "ca_file": quote("/does/not/exist")}, "ca_file"},
		{"server", sdk.Settings{"server": quote("x")}, "server"},
		{"ollama", sdk.Settings{"server": quote("ollama"), "base_url": quote("gpu-box")}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := new(Provider).Configure(t.Context(), c.settings)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if err != nil && (strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "12345678")) {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
	if _, err := new(Provider).Complete(t.Context(), query("x")); !errors.Is(err, sdk.Internal) {
		t.Errorf("unconfigured: got %v", err)
	}
}

func TestOllamaURL(t *testing.T) {
	for in, want := range map[string]string{
		"":                         "http://127.0.0.1:11434/v1",
		"0.0.0.0":                  "http://127.0.0.1:11434/v1",
		"0.0.0.0:8000":             "http://127.0.0.1:8000/v1",
		":8000":                    "http://127.0.0.1:8000/v1",
		"gpu-box":                  "http://gpu-box:11434/v1",
		"gpu-box:80":               "http://gpu-box:80/v1",
		"http://gpu-box:11434":     "http://gpu-box:11434/v1",
		"http://gpu-box:11434/":    "http://gpu-box:11434/v1",
		"http://gpu-box:11434/v1":  "http://gpu-box:11434/v1",
		"https://ollama.example":   "https://ollama.example/v1",
		"[::1]:11434":              "http://[::1]:11434/v1",
		"[::]":                     "http://[::1]:11434/v1",
		"https://host/prefix/v1/ ": "https://host/prefix/v1",
	} {
		if got := ollamaURL(in); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

func TestConfigureWhileAnswering(t *testing.T) {
	s, p := vendor(t, upstream.Config{Latency: 20 * time.Millisecond}, nil)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			if _, err := p.Complete(t.Context(), query(fmt.Sprint(i))); err != nil {
				t.Error(err)
			}
		})
		if i%10 == 0 {
			if err := p.Configure(t.Context(), sdk.Settings{"base_url": quote(s.URL() + "/v1")}); err != nil {
				t.Fatal(err)
			}
		}
	}
	wg.Wait()
	if n := s.Stats().Requests; n != 50 {
		t.Errorf("%d calls for 50 queries", n)
	}
}

func TestKeysNeverShow(t *testing.T) {
	const key = "canary-5f1c3b9e"
	_, p := vendor(t, upstream.Config{Script: func(r upstream.Request) upstream.Reply {
		return upstream.Reply{Status: 401, Body: []byte(`{"error":{"message":"bad key ` + r.Header.Get("Authorization") + `","code":"` + key + `"}}`)}
	}}, sdk.Settings{"api_key": quote(key)})
	_, err := p.Complete(t.Context(), query("x"))
	if !errors.Is(err, sdk.Unauthenticated) {
		t.Fatalf("got %v", err)
	}
	if s := fmt.Sprintf("%v %+v", err, err); strings.Contains(s, key) {
		t.Errorf("the key shows: %s", s)
	}
}

func TestCancel(t *testing.T) {
	_, p := vendor(t, upstream.Config{Script: upstream.Always(upstream.Reply{Fault: upstream.Hang})}, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := p.Complete(ctx, query("x"))
	if !errors.Is(err, sdk.InDoubt) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestDescribe(t *testing.T) {
	d := new(Provider).Describe()
	var schema struct {
		Properties map[string]struct {
			Secret bool `json:"x-secret"`
			Env    any  `json:"x-env"`
		}
	}
	if err := json.Unmarshal(d.ConfigSchema, &schema); err != nil {
		t.Fatal(err)
	}
	if key := schema.Properties["api_key"]; !key.Secret || key.Env != "OPENAI_API_KEY" {
		t.Errorf("got %+v", key)
	}
	typ := reflect.TypeFor[settings]()
	if typ.NumField() != len(schema.Properties) {
		t.Errorf("%d settings, %d properties in the schema", typ.NumField(), len(schema.Properties))
	}
	for i := range typ.NumField() {
		if name := typ.Field(i).Tag.Get("json"); schema.Properties[name].Env == nil && (name == "api_key" || name == "base_url") {
			t.Errorf("%s has no variable", name)
		}
	}
	for _, preset := range d.Presets {
		for name, value := range preset.Values {
			if _, ok := schema.Properties[name]; !ok || !json.Valid(value) {
				t.Errorf("preset %s: %s=%s", preset.Name, name, value)
			}
		}
		s := sdk.Settings(maps.Clone(preset.Values))
		if !preset.Keyless {
			s["api_key"] = quote("sk-x")
		}
		if err := new(Provider).Configure(t.Context(), s); err != nil {
			t.Errorf("preset %s: %v", preset.Name, err)
		}
	}
}

func FuzzReply(f *testing.F) {
	for _, seed := range []string{`{"choices":[{"finish_reason":"stop","message":{"content":"a"}}],"usage":{"prompt_tokens":1}}`, `{"error":"x"}`, `[]`, `{"choices":[{"message":{"content":[{"type":"text","text":"x"}],"tool_calls":[{}]}}]}`} {
		f.Add([]byte(seed))
	}
	s, p := vendor(f, upstream.Config{}, nil)
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) == 0 {
			return
		}
		s.SetScript(upstream.Always(upstream.Reply{Body: body}))
		r, err := p.Complete(t.Context(), query("x"))
		var e *sdk.Error
		switch {
		case err == nil && (r.Usage != nil && (r.Usage.PromptTokens < 0 || r.Usage.CompletionTokens < 0)):
			t.Errorf("negative usage %+v", r.Usage)
		case err != nil && !errors.As(err, &e):
			t.Errorf("an untyped error: %v", err)
		}
	})
}
