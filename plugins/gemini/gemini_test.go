package main

import (
	"encoding/json"
	"errors"
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
	cfg.Dialect = upstream.Gemini()
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
	s, p := vendor(t, upstream.Config{Key: "AIza-1"}, sdk.Settings{"api_key": quote("AIza-1")})
	q := query("what is nginx?")
	q.Model = "models/gemini-2.5-pro"
	r, err := p.Complete(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if r.Content != "You asked: what is nginx?" || r.FinishReason != sdk.Stop || r.Model != q.Model || r.ModelServed != "gemini-2.5-pro" ||
		r.RequestID == "" || r.Usage.PromptTokens != 12 || r.Latency <= 0 {
		t.Errorf("got %+v", r)
	}
	if got := s.Requests()[0]; got.Path != "/v1beta/models/gemini-2.5-pro:generateContent" {
		t.Errorf("got %s %v", got.Path, got.Header)
	}
}

func TestRequestBody(t *testing.T) {
	schema := json.RawMessage(`{"type":"object"}`)
	hi := []sdk.Message{user("hi")}
	const contents = `"contents":[{"role":"user","parts":[{"text":"hi"}]}]`
	for _, c := range []struct {
		name  string
		query sdk.Query
		want  string
	}{
		{"unset is not sent", sdk.Query{Messages: hi}, `{` + contents + `}`},
		{"temperature and bound", sdk.Query{Messages: hi, Temperature: ptr(0.0), MaxTokens: ptr(7)}, `{` + contents + `,"generationConfig":{"temperature":0,"maxOutputTokens":7}}`},
		{"system", sdk.Query{Messages: []sdk.Message{{Role: sdk.System, Text: "a"}, user("hi"), {Role: sdk.Developer, Text: "b"}}},
			`{` + contents + `,"systemInstruction":{"parts":[{"text":"a"},{"text":"b"}]}}`},
		{"images", sdk.Query{Messages: []sdk.Message{{Role: sdk.User, Parts: []sdk.Part{{Text: "what?"},
			{Image: &sdk.Image{URL: "https://example.com/a.png?x=1"}}, {Image: &sdk.Image{URL: "data:image/png;base64,AAAA"}}}}}},
			`{"contents":[{"role":"user","parts":[{"text":"what?"},{"fileData":{"mimeType":"image/png","fileUri":"https://example.com/a.png?x=1"}},{"inlineData":{"mimeType":"image/png","data":"AAAA"}}]}]}`},
		{"tools", sdk.Query{Tools: []sdk.Tool{{Name: "df", Description: "free space", Parameters: schema}, {Name: "w"}}, ToolChoice: "df", Messages: []sdk.Message{
			user("hi"),
			{Role: sdk.Assistant, ToolCalls: []sdk.ToolCall{{ID: "x1~sig", Name: "df", Arguments: `{"a":1}`}, {ID: "call-1", Name: "w"}}},
			{Role: sdk.ToolRole, ToolCallID: "x1~sig", Text: "91%"}, {Role: sdk.ToolRole, ToolCallID: "call-1", Text: "me"}}},
			`{"contents":[{"role":"user","parts":[{"text":"hi"}]},{"role":"model","parts":[{"functionCall":{"id":"x1","name":"df","args":{"a":1}},"thoughtSignature":"sig"},{"functionCall":{"name":"w"}}]},` +
				`{"role":"user","parts":[{"functionResponse":{"id":"x1","name":"df","response":{"output":"91%"}}},{"functionResponse":{"name":"w","response":{"output":"me"}}}]}],` +
				`"tools":[{"functionDeclarations":[{"name":"df","description":"free space","parametersJsonSchema":{"type":"object"}},{"name":"w"}]}],"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["df"]}}}`},
		{"format", sdk.Query{Messages: hi, ResponseFormat: &sdk.ResponseFormat{Name: "a", Schema: schema}},
			`{` + contents + `,"generationConfig":{"responseMimeType":"application/json","responseJsonSchema":{"type":"object"}}}`},
		{"options", sdk.Query{Messages: hi, MaxTokens: ptr(7), Options: map[string]json.RawMessage{"generationConfig": json.RawMessage(`{"topK":5}`), "safetySettings": json.RawMessage(`[]`)}},
			`{` + contents + `,"generationConfig":{"maxOutputTokens":7,"topK":5},"safetySettings":[]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := buildRequest(defaultModel, &c.query)
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
	with := func(model string, options string) *sdk.Query {
		q := query("x")
		q.Model, q.MaxTokens = model, ptr(5)
		if err := json.Unmarshal([]byte(options), &q.Options); err != nil {
			t.Fatal(err)
		}
		return q
	}
	for name, q := range map[string]*sdk.Query{
		"no user":         {Messages: []sdk.Message{{Role: sdk.System, Text: "x"}}},
		"bad arguments":   {Messages: []sdk.Message{{Role: sdk.Assistant, ToolCalls: []sdk.ToolCall{{ID: "1", Name: "df", Arguments: "{"}}}}},
		"result of none":  {Messages: []sdk.Message{{Role: sdk.ToolRole, ToolCallID: "7"}}},
		"reserved":        with("", `{"Contents":[]}`),
		"reserved inside": with("", `{"generationConfig":{"max_output_tokens":9}}`),
		"no object":       with("", `{"generationConfig":7}`),
		"other path":      with("../files", `{}`),
		"query":           with("x?key=1", `{}`),
		"dots":            with("models/..", `{}`),
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
		{name: "usage", body: `{"candidates":[{"content":{"parts":[{"text":"hm","thought":true},{"text":"a"},{"text":"b"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":20,"thoughtsTokenCount":5,"cachedContentTokenCount":4},"modelVersion":"m-1"}`,
			want: sdk.Response{Content: "ab", ModelServed: "m-1", FinishReason: sdk.Stop, Usage: &sdk.Usage{PromptTokens: 10, CompletionTokens: 25, CachedTokens: 4, ReasoningTokens: 5}}},
		{name: "length", body: `{"candidates":[{"content":{"parts":[{"text":"half"}]},"finishReason":"MAX_TOKENS"}]}`, want: sdk.Response{Content: "half", FinishReason: sdk.Length}},
		{name: "length, nothing shown", body: `{"candidates":[{"content":{},"finishReason":"MAX_TOKENS"}]}`, want: sdk.Response{FinishReason: sdk.Length}},
		{name: "safety", body: `{"candidates":[{"finishReason":"SAFETY"}]}`, want: sdk.Response{FinishReason: sdk.Filtered}},
		{name: "tools", body: `{"candidates":[{"content":{"parts":[{"functionCall":{"name":"df","args":{"a":1}},"thoughtSignature":"sig"},{"functionCall":{"id":"x","name":"w"}}]},"finishReason":"STOP"}]}`,
			want: sdk.Response{FinishReason: sdk.ToolUse, ToolCalls: []sdk.ToolCall{{ID: "call-0~sig", Name: "df", Arguments: `{"a":1}`}, {ID: "x", Name: "w", Arguments: "{}"}}}},
		{name: "blocked", body: `{"promptFeedback":{"blockReason":"SAFETY"}}`, kind: sdk.ContentFiltered},
		{name: "malformed call", body: `{"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL"}]}`, kind: sdk.BadResponse},
		{name: "empty", body: `{"candidates":[{"content":{"parts":[{"text":""}]},"finishReason":"STOP"}]}`, kind: sdk.BadResponse},
		{name: "nothing", body: `{}`, kind: sdk.BadResponse},
		{name: "not json", body: `<html>`, kind: sdk.BadResponse},
		{name: "error inside", body: `{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}`, kind: sdk.Overloaded},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.SetScript(upstream.Always(upstream.Reply{Body: []byte(c.body)}))
			got, err := p.Complete(t.Context(), query(c.name))
			if c.kind != "" {
				var e *sdk.Error
				if !errors.As(err, &e) || e.Kind != c.kind {
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
	for status, want := range map[int]sdk.Kind{400: sdk.InvalidRequest, 401: sdk.Unauthenticated, 403: sdk.PermissionDenied,
		404: sdk.NotFound, 503: sdk.Overloaded, 429: sdk.RateLimited, 500: sdk.InDoubt} {
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

func TestConfigure(t *testing.T) {
	for _, c := range []struct {
		name     string
		settings sdk.Settings
		want     string // part of the error; empty for success
	}{
		{"no key", sdk.Settings{}, "GEMINI_API_KEY"},
		{"key", sdk.Settings{"api_key": quote("AIza")}, ""},
		{"loopback", sdk.Settings{"base_url": quote("http://localhost:8080/v1beta")}, ""},
		{"unknown property", sdk.Settings{"apikey": quote("AIza")}, "apikey"},
		{"newline", sdk.Settings{"api_key": quote("AIza\n")}, "newline"},
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
		return upstream.Reply{Status: 401, Body: []byte(`{"error":{"message":"bad key ` + r.Header.Get("X-Goog-Api-Key") + `"}}`)}
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
	for _, seed := range []string{`{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1}}`, `{"error":"x"}`, `[]`,
		`{"candidates":[{"content":{"parts":[{"functionCall":{"name":"df","args":{}}}]}}]}`} {
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
