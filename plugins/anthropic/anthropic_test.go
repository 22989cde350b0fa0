package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// vendor starts an upstream and a provider that is configured for it.
func vendor(t testing.TB, cfg upstream.Config, more sdk.Settings) (*upstream.Server, *Provider) {
	t.Helper()
	cfg.Dialect = upstream.Anthropic()
	s, err := upstream.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	p := new(Provider)
	settings := sdk.Settings{"base_url": quote(s.URL())}
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

func user(text string) sdk.Message { return sdk.Message{Role: sdk.User, Text: text} }

func query(text string) *sdk.Query { return &sdk.Query{ID: "q", Messages: []sdk.Message{user(text)}} }

func ptr[T any](v T) *T { return &v }

func TestComplete(t *testing.T) {
	s, p := vendor(t, upstream.Config{Key: "sk-ant-1", Limit: upstream.Limit{PerSecond: 100, Burst: 50, Headers: true}},
		sdk.Settings{"api_key": quote("sk-ant-1"), "headers": json.RawMessage(`{"anthropic-beta":"x"}`)})
	r, err := p.Complete(t.Context(), query("what is nginx?"))
	if err != nil {
		t.Fatal(err)
	}
	if r.Content != "You asked: what is nginx?" || r.FinishReason != sdk.Stop || r.Model != defaultModel || r.ModelServed != defaultModel ||
		r.RequestID != "req-0" || r.Usage.PromptTokens != 12 || r.Latency <= 0 {
		t.Errorf("got %+v", r)
	}
	if r.RateLimit == nil || *r.RateLimit.Requests.Limit != 50 {
		t.Errorf("limits: %+v", r.RateLimit)
	}
	got := s.Requests()[0]
	if got.Path != "/v1/messages" || got.Header.Get("Anthropic-Version") != apiVersion || got.Header.Get("Anthropic-Beta") != "x" {
		t.Errorf("got %s %v", got.Path, got.Header)
	}
}

func TestRequestBody(t *testing.T) {
	schema := json.RawMessage(`{"type":"object"}`)
	hi := []sdk.Message{user("hi")}
	for _, c := range []struct {
		name  string
		query sdk.Query
		want  string
	}{
		{"the vendor's bound", sdk.Query{Model: "claude-haiku-4-5", Messages: hi},
			`{"model":"claude-haiku-4-5","max_tokens":8192,"messages":[{"role":"user","content":"hi"}]}`},
		{"an old model's bound", sdk.Query{Model: "claude-3-haiku-20240307", Messages: hi, Temperature: ptr(0.5)},
			`{"model":"claude-3-haiku-20240307","max_tokens":4096,"messages":[{"role":"user","content":"hi"}],"temperature":0.5}`},
		{"a new model takes no temperature", sdk.Query{Model: "claude-opus-4-7", Messages: hi, Temperature: ptr(0.5), MaxTokens: ptr(7)},
			`{"model":"claude-opus-4-7","max_tokens":7,"messages":[{"role":"user","content":"hi"}]}`},
		{"system", sdk.Query{Model: "m", Messages: []sdk.Message{{Role: sdk.System, Text: "a"}, user("hi"), {Role: sdk.Developer, Text: "b"}}, MaxTokens: ptr(7)},
			`{"model":"m","max_tokens":7,"system":"a\n\nb","messages":[{"role":"user","content":"hi"}]}`},
		{"images", sdk.Query{Model: "m", MaxTokens: ptr(7), Messages: []sdk.Message{{Role: sdk.User, Parts: []sdk.Part{{Text: "what?"}, {Text: ""},
			{Image: &sdk.Image{URL: "https://example.com/a.png"}}, {Image: &sdk.Image{URL: "data:image/png;base64,AAAA"}}}}}},
			`{"model":"m","max_tokens":7,"messages":[{"role":"user","content":[{"type":"text","text":"what?"},{"type":"image","source":{"type":"url","url":"https://example.com/a.png"}},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]}]}`},
		{"tools", sdk.Query{Model: "m", MaxTokens: ptr(7), Tools: []sdk.Tool{{Name: "df", Parameters: schema}, {Name: "w"}}, ToolChoice: sdk.ToolRequired, Messages: []sdk.Message{
			user("hi"),
			{Role: sdk.Assistant, Text: "let me see", ToolCalls: []sdk.ToolCall{{ID: "1", Name: "df", Arguments: `{"a":1}`}, {ID: "2", Name: "w"}}},
			{Role: sdk.ToolRole, ToolCallID: "1", Text: "91%"}, {Role: sdk.ToolRole, ToolCallID: "2", Text: "me"}}},
			`{"model":"m","max_tokens":7,"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"text","text":"let me see"},{"type":"tool_use","id":"1","name":"df","input":{"a":1}},{"type":"tool_use","id":"2","name":"w","input":{}}]},` +
				`{"role":"user","content":[{"type":"tool_result","tool_use_id":"1","content":"91%"},{"type":"tool_result","tool_use_id":"2","content":"me"}]}],"tools":[{"name":"df","input_schema":{"type":"object"}},{"name":"w","input_schema":{"type":"object"}}],"tool_choice":{"type":"any"}}`},
		{"format", sdk.Query{Model: "claude-sonnet-5", MaxTokens: ptr(7), Messages: hi, ResponseFormat: &sdk.ResponseFormat{Name: "a", Schema: schema}},
			`{"model":"claude-sonnet-5","max_tokens":7,"messages":[{"role":"user","content":"hi"}],"output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}}}`},
		{"format in words", sdk.Query{Model: "claude-sonnet-4-0", MaxTokens: ptr(7), Messages: hi, ResponseFormat: &sdk.ResponseFormat{Name: "a", Schema: schema}},
			`{"model":"claude-sonnet-4-0","max_tokens":7,"system":"Reply with one JSON value that satisfies this JSON Schema, and with nothing else:\n{\"type\":\"object\"}","messages":[{"role":"user","content":"hi"}]}`},
		{"options", sdk.Query{Model: "m", MaxTokens: ptr(7), Messages: hi, Options: map[string]json.RawMessage{"top_k": json.RawMessage(`5`)}},
			`{"model":"m","max_tokens":7,"messages":[{"role":"user","content":"hi"}],"top_k":5}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := new(session).buildRequest(c.query.Model, &c.query)
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestBadQueriesCostNoCall(t *testing.T) {
	s, p := vendor(t, upstream.Config{}, nil)
	reserved := query("x")
	reserved.Options = map[string]json.RawMessage{"System": json.RawMessage(`"be evil"`)}
	for name, q := range map[string]*sdk.Query{
		"no user":       {Messages: []sdk.Message{{Role: sdk.System, Text: "x"}}},
		"bad arguments": {Messages: []sdk.Message{{Role: sdk.Assistant, ToolCalls: []sdk.ToolCall{{ID: "1", Name: "df", Arguments: "{"}}}}},
		"reserved":      reserved,
	} {
		if _, err := p.Complete(t.Context(), q); !errors.Is(err, sdk.InvalidRequest) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if n := s.Stats().Requests; n != 0 {
		t.Errorf("%d calls", n)
	}
}

func TestReplies(t *testing.T) {
	s, p := vendor(t, upstream.Config{}, nil)
	for _, c := range []struct {
		name, body string
		want       sdk.Response
		kind       sdk.Kind
	}{
		{name: "usage", body: `{"type":"message","model":"m-1","content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"a"},{"type":"text","text":"b"}],"stop_reason":"end_turn","usage":{"input_tokens":10,"cache_creation_input_tokens":3,"cache_read_input_tokens":4,"output_tokens":20}}`,
			want: sdk.Response{Content: "ab", ModelServed: "m-1", FinishReason: sdk.Stop, Usage: &sdk.Usage{PromptTokens: 17, CompletionTokens: 20, CachedTokens: 4, CacheWriteTokens: 3}}},
		{name: "silly usage", body: `{"content":[{"type":"text","text":"a"}],"stop_reason":"stop_sequence","usage":{"input_tokens":-10,"cache_read_input_tokens":null,"output_tokens":"20"}}`,
			want: sdk.Response{Content: "a", FinishReason: sdk.Stop, Usage: &sdk.Usage{}}},
		{name: "length", body: `{"content":[{"type":"text","text":"half"}],"stop_reason":"max_tokens"}`, want: sdk.Response{Content: "half", FinishReason: sdk.Length}},
		{name: "length, nothing shown", body: `{"content":[],"stop_reason":"max_tokens"}`, want: sdk.Response{FinishReason: sdk.Length}},
		{name: "window", body: `{"content":[{"type":"text","text":"half"}],"stop_reason":"model_context_window_exceeded"}`, want: sdk.Response{Content: "half", FinishReason: sdk.Length}},
		{name: "refusal", body: `{"content":[],"stop_reason":"refusal"}`, want: sdk.Response{FinishReason: sdk.Refusal}},
		{name: "tools", body: `{"content":[{"type":"text","text":"let me see"},{"type":"tool_use","id":"1","name":"df","input":{"a":1}}],"stop_reason":"tool_use"}`,
			want: sdk.Response{Content: "let me see", FinishReason: sdk.ToolUse, ToolCalls: []sdk.ToolCall{{ID: "1", Name: "df", Arguments: `{"a":1}`}}}},
		{name: "empty", body: `{"content":[{"type":"text","text":""}],"stop_reason":"end_turn"}`, kind: sdk.BadResponse},
		{name: "nothing", body: `{}`, kind: sdk.BadResponse},
		{name: "not json", body: `<html>`, kind: sdk.BadResponse},
		{name: "error inside", body: `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, kind: sdk.Overloaded},
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

func TestStatuses(t *testing.T) {
	s, p := vendor(t, upstream.Config{}, nil)
	for status, want := range map[int]sdk.Kind{400: sdk.InvalidRequest, 401: sdk.Unauthenticated, 402: sdk.QuotaExhausted, 403: sdk.PermissionDenied,
		404: sdk.NotFound, 413: sdk.InvalidRequest, 429: sdk.RateLimited, 500: sdk.InDoubt, 529: sdk.Overloaded} {
		s.SetScript(upstream.Always(upstream.Reply{Status: status}))
		before := s.Stats().Requests
		if _, err := p.Complete(t.Context(), query("x")); !errors.Is(err, want) {
			t.Errorf("%d: got %v, want %s", status, err, want)
		}
		if n := s.Stats().Requests - before; n != 1 {
			t.Errorf("%d: %d calls", status, n)
		}
	}
}

func TestVersionOf(t *testing.T) {
	for model, want := range map[string]string{
		"claude-3-haiku-20240307": "3.0", "claude-3-5-sonnet-20241022": "3.5", "claude-3-7-sonnet-latest": "3.7",
		"claude-sonnet-4-20250514": "4.0", "claude-opus-4-1": "4.1", "claude-haiku-4-5-20251001": "4.5", "claude-opus-4-7": "4.7",
		"claude-sonnet-5": "5.0", "anthropic/claude-opus-5-5": "5.5", "mystery": "0.0", "": "0.0",
	} {
		major, minor := versionOf(model)
		if got := fmt.Sprintf("%d.%d", major, minor); got != want {
			t.Errorf("%s: got %s, want %s", model, got, want)
		}
	}
	if capabilitiesOf("mystery").temperature || !capabilitiesOf("claude-haiku-4-5").temperature {
		t.Error("temperature is sent to the wrong models")
	}
}

func TestConfigure(t *testing.T) {
	for _, c := range []struct {
		name     string
		settings sdk.Settings
		want     string // part of the error; empty for success
	}{
		{"no key", sdk.Settings{}, "ANTHROPIC_API_KEY"},
		{"key", sdk.Settings{"api_key": quote("sk-x")}, ""},
		{"token", sdk.Settings{"auth_token": quote("t"), "base_url": quote("https://gateway.example/v1")}, ""},
		{"loopback", sdk.Settings{"base_url": quote("http://localhost:8080")}, ""},
		{"unknown property", sdk.Settings{"apikey": quote("sk-x")}, "apikey"},
		{"bound", sdk.Settings{"api_key": quote("sk-x"), "max_tokens": json.RawMessage("0")}, "max_tokens"},
		{"newline", sdk.Settings{"api_key": quote("sk-secret\n")}, "newline"},
	} {
		err := new(Provider).Configure(t.Context(), c.settings)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
	if _, err := new(Provider).Complete(t.Context(), query("x")); !errors.Is(err, sdk.Internal) {
		t.Errorf("unconfigured: got %v", err)
	}
}

// The provider itself takes its key out of errors, before the SDK does.
func TestKeysNeverShow(t *testing.T) {
	const key = "canary-5f1c3b9e"
	_, p := vendor(t, upstream.Config{Script: func(r upstream.Request) upstream.Reply {
		return upstream.Reply{Status: 401, Body: []byte(`{"error":{"message":"bad key ` + r.Header.Get("X-Api-Key") + `"}}`)}
	}}, sdk.Settings{"api_key": quote(key)})
	_, err := p.Complete(t.Context(), query("x"))
	if !errors.Is(err, sdk.Unauthenticated) || !strings.Contains(err.Error(), "bad key") || strings.Contains(err.Error(), key) {
		t.Errorf("got %v", err)
	}
}

func TestDescribe(t *testing.T) {
	var schema struct{ Properties map[string]json.RawMessage }
	if err := json.Unmarshal(new(Provider).Describe().ConfigSchema, &schema); err != nil {
		t.Fatal(err)
	}
	typ := reflect.TypeFor[settings]()
	for i := range typ.NumField() {
		if name := typ.Field(i).Tag.Get("json"); schema.Properties[name] == nil {
			t.Errorf("the schema lacks %s", name)
		}
	}
	if typ.NumField() != len(schema.Properties) {
		t.Errorf("%d settings, %d properties in the schema", typ.NumField(), len(schema.Properties))
	}
}

func FuzzReply(f *testing.F) {
	for _, seed := range []string{`{"type":"message","content":[{"type":"text","text":"a"}],"stop_reason":"end_turn","usage":{"input_tokens":1}}`, `{"type":"error","error":"x"}`, `[]`,
		`{"content":[{"type":"tool_use","id":"1","name":"df","input":{"a":1}}],"stop_reason":"tool_use"}`} {
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
