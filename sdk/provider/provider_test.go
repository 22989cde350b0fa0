package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/cortexlinux/cortex-host/sdk"
	providerv1 "github.com/cortexlinux/cortex-host/sdk/proto/cortex/provider/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a provider made of functions.
type fake struct {
	description sdk.Description
	configure   func(sdk.Settings) error
	complete    func(context.Context, *sdk.Query) (*sdk.Response, error)
}

var _ Plugin = (*fake)(nil)

func (p *fake) Describe() sdk.Description { return p.description }

func (p *fake) Configure(_ context.Context, s sdk.Settings) error {
	if p.configure == nil {
		return nil
	}
	return p.configure(s)
}

func (p *fake) Complete(ctx context.Context, q *sdk.Query) (*sdk.Response, error) {
	return p.complete(ctx, q)
}

// connect serves p in this process and returns the host's end.
func connect(t testing.TB, p Plugin) *Client {
	t.Helper()
	return connectTo(t, newServer(p))
}

// connectUnary is connect to a plugin that has no stream.
func connectUnary(t testing.TB, p Plugin) *Client {
	t.Helper()
	s := newServer(p)
	s.unary = true
	return connectTo(t, s)
}

// bothWays runs a test over the stream and without it.
func bothWays(t *testing.T, test func(*testing.T, func(testing.TB, Plugin) *Client)) {
	t.Run("stream", func(t *testing.T) { test(t, connect) })
	t.Run("unary", func(t *testing.T) { test(t, connectUnary) })
}

// connectTo serves s in this process and returns the host's end.
func connectTo(t testing.TB, s providerv1.ProviderServer) *Client {
	t.Helper()
	return connectBy(t, newGRPCServer(nil), s)
}

// connectBy is connectTo by a server with limits of its own.
func connectBy(t testing.TB, server *grpc.Server, s providerv1.ProviderServer) *Client {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	providerv1.RegisterProviderServer(server, s)
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:///plugin", append(DialOptions(),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); server.Stop(); <-done })
	return NewClient(conn)
}

func ptr[T any](v T) *T { return &v }

var fullQuery = sdk.Query{
	ID: "q1", TaskType: sdk.SystemOperation, Model: "m", Temperature: ptr(0.0), MaxTokens: ptr(7),
	Messages: []sdk.Message{
		{Role: sdk.System, Text: "be brief"},
		{Role: sdk.User, Parts: []sdk.Part{{Text: "what?"}, {Image: &sdk.Image{URL: "https://x/a.png", Detail: "low"}}}},
		{Role: sdk.Assistant, ToolCalls: []sdk.ToolCall{{ID: "c", Name: "df", Arguments: "{}"}}},
		{Role: sdk.ToolRole, ToolCallID: "c", Text: "91%"},
	},
	Metadata:       map[string]string{"a": "b"},
	ResponseFormat: &sdk.ResponseFormat{Name: "f", Schema: json.RawMessage(`{"type":"object"}`)},
	Tools:          []sdk.Tool{{Name: "df", Description: "d", Parameters: json.RawMessage(`{}`)}},
	ToolChoice:     "df",
	Options:        map[string]json.RawMessage{"top_p": json.RawMessage("0.5")},
}

var fullLimit = &sdk.RateLimit{
	Requests:    sdk.Window{Limit: ptr[int64](60), Remaining: ptr[int64](0), Reset: ptr(time.Second)},
	Tokens:      sdk.Window{Limit: ptr[int64](1000)},
	InputTokens: sdk.Window{Remaining: ptr[int64](9)}, OutputTokens: sdk.Window{Reset: ptr(time.Minute)},
}

func TestQueryAndResponseCross(t *testing.T) { bothWays(t, testQueryAndResponseCross) }

func testQueryAndResponseCross(t *testing.T, connect func(testing.TB, Plugin) *Client) {
	want := sdk.Response{
		Content: "a", ModelServed: "m-1", FinishReason: sdk.ToolUse, RequestID: "r", Latency: time.Second, Cost: ptr(sdk.Money(5)),
		Usage:     &sdk.Usage{PromptTokens: 1, CompletionTokens: 2, CachedTokens: 3, CacheWriteTokens: 4, ReasoningTokens: 5},
		ToolCalls: []sdk.ToolCall{{ID: "1", Name: "df", Arguments: "{}"}}, RateLimit: fullLimit,
	}
	var got *sdk.Query
	c := connect(t, &fake{complete: func(_ context.Context, q *sdk.Query) (*sdk.Response, error) {
		got = q
		r := want
		return &r, nil
	}})
	r, err := c.Complete(t.Context(), &fullQuery)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(*got, fullQuery) {
		t.Errorf("the plugin got  %+v\nthe host asked %+v", *got, fullQuery)
	}
	want.Model = "m"
	if !reflect.DeepEqual(*r, want) {
		t.Errorf("the host got  %+v\nthe plugin said %+v", *r, want)
	}
	// Asked without a model, a plugin says which one it took.
	want.Model = "its own"
	if r, err = c.Complete(t.Context(), textQuery("x")); err != nil || r.Model != "its own" {
		t.Errorf("%+v, %v", r, err)
	}
}

// Every kind that a provider may report has a place on the wire, and so has
// every reason and role.
func TestEveryKindCrosses(t *testing.T) { bothWays(t, testEveryKindCrosses) }

func testEveryKindCrosses(t *testing.T, connect func(testing.TB, Plugin) *Client) {
	for _, kind := range sdk.Kinds()[:17] {
		e := sdk.Error{Kind: kind, Message: "m", Code: "c", Status: 429, RetryAfter: ptr(2 * time.Second), ShouldRetry: ptr(false), RequestID: "r", Usage: &sdk.Usage{PromptTokens: 1}, RateLimit: fullLimit}
		c := connect(t, &fake{complete: func(context.Context, *sdk.Query) (*sdk.Response, error) { return nil, fmt.Errorf("wrapped: %w", &e) }})
		_, err := c.Complete(t.Context(), &fullQuery)
		var got *sdk.Error
		if !errors.As(err, &got) || !reflect.DeepEqual(*got, e) {
			t.Errorf("%s: got %+v, want %+v", kind, got, e)
		}
	}
	// One without a kind is a bug of the plugin's, at either end.
	if w := errorToWire(&sdk.Error{}); w.GetKind() != providerv1.ErrorKind_ERROR_KIND_INTERNAL {
		t.Errorf("to the wire: %v", w.GetKind())
	}
	if e := errorFromWire(&providerv1.Error{Kind: 999}); e.Kind != sdk.Internal {
		t.Errorf("from the wire: %q", e.Kind)
	}
	for reason := range finishReasons {
		data, _ := encodeAnswer(nil, &sdk.Response{FinishReason: reason})
		if got, _, err := decodeOutcome(data); err != nil || got.FinishReason != reason {
			t.Errorf("finish reason %q became %+v, %v", reason, got, err)
		}
	}
	if len(roles) != len(providerv1.Role_name)-1 || len(kinds) != len(providerv1.ErrorKind_name)-1 || len(finishReasons) != len(providerv1.FinishReason_name) {
		t.Error("the wire knows roles, kinds or reasons that the conversion does not")
	}
}

func TestWhatAPluginMayGetWrong(t *testing.T) { bothWays(t, testWhatAPluginMayGetWrong) }

func testWhatAPluginMayGetWrong(t *testing.T, connect func(testing.TB, Plugin) *Client) {
	for name, p := range map[string]*fake{
		"panic":   {complete: func(context.Context, *sdk.Query) (*sdk.Response, error) { panic("oh, sk-canary") }},
		"nothing": {complete: func(context.Context, *sdk.Query) (*sdk.Response, error) { return nil, nil }},
		"untyped": {complete: func(context.Context, *sdk.Query) (*sdk.Response, error) { return nil, errors.New("key sk-canary") }},
		"invalid": {complete: func(context.Context, *sdk.Query) (*sdk.Response, error) {
			return &sdk.Response{Content: "\xff"}, nil
		}},
	} {
		p.description.ConfigSchema = json.RawMessage(`{"properties":{"key":{"x-secret":true},"more":{"x-secret":true}}}`)
		c := connect(t, p)
		if err := c.Configure(t.Context(), sdk.Settings{"key": json.RawMessage(`"sk-canary"`), "more": json.RawMessage(`{"a":["sk-other"]}`)}); err != nil {
			t.Fatal(err)
		}
		_, err := c.Complete(t.Context(), &fullQuery)
		if !errors.Is(err, sdk.Internal) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestConfigure(t *testing.T) {
	c := connect(t, &fake{configure: func(s sdk.Settings) error {
		if string(s["key"]) != `"right"` {
			return sdk.Errorf(sdk.Unauthenticated, "key: wrong")
		}
		return nil
	}})
	if err := c.Configure(t.Context(), nil); !errors.Is(err, sdk.Unauthenticated) || !strings.Contains(err.Error(), "key: wrong") {
		t.Errorf("got %v", err)
	}
	if err := c.Configure(t.Context(), sdk.Settings{"key": json.RawMessage(`"right"`)}); err != nil {
		t.Error(err)
	}
}

func TestDescriptionCrosses(t *testing.T) {
	want := sdk.Description{
		Name: "x", Version: "1.2.3", Summary: "s", Local: true, Free: true, EgressHosts: []string{"h"}, ReadPaths: []string{"/etc/x"},
		Models:       []sdk.Model{{ID: "m", ContextTokens: 1, MaxOutputTokens: 2}},
		Stream:       true,
		Limits:       sdk.Limits{MaxConcurrent: 3, RequestsPerSecond: 0.5, TokensPerMinute: 4},
		ConfigSchema: json.RawMessage(`{"type":"object"}`),
		Presets: []sdk.Preset{{Name: "p", Summary: "ps", Values: map[string]json.RawMessage{"a": json.RawMessage(`"b"`)},
			Env: map[string][]string{"a": {"A"}, "b": {}}, Keyless: true, Local: true, Free: true}},
	}
	got, err := connect(t, &fake{description: want}).Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	for _, rps := range []float64{-1, math.Inf(1), math.NaN()} {
		d, err := describeFromWire(&providerv1.DescribeResponse{Limits: &providerv1.Limits{RequestsPerSecond: rps, MaxConcurrent: -1, TokensPerMinute: -1}})
		if err != nil || d.Limits != (sdk.Limits{}) {
			t.Errorf("limits that are none: %+v, %v", d.Limits, err)
		}
	}
}

func TestGivingUp(t *testing.T) { bothWays(t, testGivingUp) }

func testGivingUp(t *testing.T, connect func(testing.TB, Plugin) *Client) {
	c := connect(t, &fake{complete: func(ctx context.Context, _ *sdk.Query) (*sdk.Response, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.Complete(ctx, &fullQuery); !errors.Is(err, sdk.InDoubt) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestLargeMessages(t *testing.T) { bothWays(t, testLargeMessages) }

func testLargeMessages(t *testing.T, connect func(testing.TB, Plugin) *Client) {
	big := strings.Repeat("x", 8<<20)
	c := connect(t, &fake{complete: func(_ context.Context, q *sdk.Query) (*sdk.Response, error) {
		return &sdk.Response{Content: q.Messages[0].Text}, nil
	}})
	r, err := c.Complete(t.Context(), &sdk.Query{ID: "q", Messages: []sdk.Message{{Role: sdk.User, Text: big}}})
	if err != nil || r.Content != big {
		t.Errorf("got %v", err)
	}
}

func TestRunAlone(t *testing.T) {
	p := &fake{description: sdk.Description{Name: "x", Version: "1.0.0", Summary: "Answers", EgressHosts: []string{"api.example.com"},
		Models:       []sdk.Model{{ID: "m", ContextTokens: 5}},
		ConfigSchema: json.RawMessage(`{"type":"object","properties":{"key":{"type":"string","description":"a|b","x-secret":true,"x-env":["K","L"]},"mode":{"enum":["a","b"],"default":"a"}}}`),
		Presets:      []sdk.Preset{{Name: "p", Summary: "Preset", Values: map[string]json.RawMessage{"mode": json.RawMessage(`"b"`)}, Env: map[string][]string{"key": {"P"}}}}}}
	for _, c := range []struct {
		args []string
		code int
		want []string
	}{
		{[]string{"describe"}, 0, []string{`"name": "x"`, `"stream": true`}},
		{[]string{"docs"}, 0, []string{"# x", "| `key` | string | `K`, `L` | a\\|b Secret. |", "| `mode` | `\"a\"`, `\"b\"` |", "### p", "- `key` comes from `P`", "| `m` | 5 | ? |", "Reaches `api.example.com`."}},
		{nil, 2, []string{"plugin of Cortex Host", "hint:"}},
		{[]string{"serve"}, 2, []string{"hint:"}},
	} {
		var stdout, stderr bytes.Buffer
		if code := run(p, c.args, &stdout, &stderr); code != c.code {
			t.Errorf("%v: exit code %d", c.args, code)
		}
		for _, want := range c.want {
			if all := stdout.String() + stderr.String(); !strings.Contains(all, want) {
				t.Errorf("%v: no %q in\n%s", c.args, want, all)
			}
		}
	}
}

func TestParseReattach(t *testing.T) {
	want := Reattach{Name: "x", Network: "unix", Address: "/tmp/s", PID: 7}
	line, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParseReattach(string(line)); err != nil || *got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, bad := range []string{"", "x", "{}", `{"name":"x","network":"tcp","address":"1.2.3.4:5","pid":7}`} {
		if _, err := ParseReattach(bad); err == nil || !strings.Contains(err.Error(), ReattachVariable) {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}
