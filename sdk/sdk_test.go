package sdk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cortexlinux/cortex-host/sdk"
)

func ExampleProviderFunc() {
	echo := sdk.ProviderFunc(func(_ context.Context, q *sdk.Query) (*sdk.Response, error) {
		if q.Model == "gone" {
			return nil, sdk.Errorf(sdk.NotFound, "no model %q", q.Model)
		}
		return &sdk.Response{Content: q.Messages[0].Content(), FinishReason: sdk.Stop}, nil
	})
	q := sdk.Query{ID: "q1", Messages: []sdk.Message{{Role: sdk.User, Text: "hello"}}}
	r, err := echo.Complete(context.Background(), &q)
	fmt.Println(r.Content, err)
	q.Model = "gone"
	_, err = echo.Complete(context.Background(), &q)
	fmt.Println(errors.Is(err, sdk.NotFound), err)
	// Output:
	// hello <nil>
	// true not_found: no model "gone"
}

func ExampleDecodeQuery() {
	_, err := sdk.DecodeQuery([]byte(`{"id":"q1","messages":[{"role":"user","content":"hi"}],"max_tokens":0}`))
	fmt.Println(err)
	// Output: query "q1": max_tokens must be between 1 and 2147483647, not 0
}

// A kind that vanished, moved or changed its name would break every stored
// result and every plugin in the field.
func TestKindsAreAppendOnly(t *testing.T) {
	data, err := os.ReadFile("../testdata/kinds.txt")
	if err != nil {
		t.Fatal(err)
	}
	recorded := strings.Fields(string(data))
	kinds := sdk.Kinds()
	if len(kinds) != len(recorded) {
		t.Errorf("testdata/kinds.txt has %d kinds, the package %d: append the new ones to the file", len(recorded), len(kinds))
	}
	for i, name := range recorded {
		if i >= len(kinds) || string(kinds[i]) != name {
			t.Fatalf("kind %d was %q: kinds are append only", i, name)
		}
	}
}

func TestErrorIs(t *testing.T) {
	wrapped := fmt.Errorf("lane a: %w", sdk.Errorf(sdk.InDoubt, "read: %w", io.ErrUnexpectedEOF))
	for _, target := range []error{sdk.InDoubt, io.ErrUnexpectedEOF} {
		if !errors.Is(wrapped, target) {
			t.Errorf("errors.Is(%v, %v) is false", wrapped, target)
		}
	}
	if errors.Is(wrapped, sdk.RateLimited) {
		t.Error("it is also rate_limited")
	}
	for _, c := range []struct {
		err  error
		want sdk.Kind
	}{
		{nil, ""}, {io.EOF, sdk.Internal}, {&sdk.Error{}, sdk.Internal},
		{sdk.Conflict, sdk.Conflict}, {wrapped, sdk.InDoubt},
		{&sdk.ItemError{ID: "x", Err: sdk.Errorf(sdk.GeneratorFailed, "bad")}, sdk.GeneratorFailed},
	} {
		if got := sdk.KindOf(c.err); got != c.want {
			t.Errorf("KindOf(%v) = %q, want %q", c.err, got, c.want)
		}
	}
}

func TestResultRoundTrip(t *testing.T) {
	wait, cost := 2*time.Second, sdk.Money(123_456_789)
	for _, r := range []sdk.Result{
		{QueryID: "a", Attempts: 1, ExecutionTime: 1500 * time.Millisecond,
			Response: &sdk.Response{Content: "<b>&", Provider: "p", Model: "m", ModelServed: "m-1", Usage: &sdk.Usage{PromptTokens: 3, CompletionTokens: 4, CachedTokens: 1},
				Cost: &cost, Latency: 20 * time.Millisecond, FinishReason: sdk.Stop, RequestID: "req"},
			Metadata: map[string]string{"package": "nginx"}, Generator: "ab"},
		{QueryID: "b", Index: 9, Error: &sdk.Error{Kind: sdk.RateLimited, Message: "slow", Provider: "p", Code: "c", Status: 429, RetryAfter: &wait, RequestID: "r"},
			Attempts: 3, PossiblyBilled: true, Degraded: true},
		{QueryID: "c", Error: &sdk.Error{Kind: sdk.Truncated}, Response: &sdk.Response{Content: "half", FinishReason: sdk.Length}},
	} {
		data, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var got sdk.Result
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(r, got) {
			t.Errorf("%s\n got %+v\nwant %+v", data, got, r)
		}
	}
}

func TestResultRowIsStable(t *testing.T) {
	cost := sdk.MoneyFromUSD(0.0421)
	r := sdk.Result{QueryID: "q1", Response: &sdk.Response{Content: "a <b>", Usage: &sdk.Usage{PromptTokens: 1, CompletionTokens: 2}, Cost: &cost}, Attempts: 1, ExecutionTime: time.Second}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		t.Fatal(err)
	}
	want := `{"query_id":"q1","index":0,"response":{"content":"a <b>","usage":{"prompt_tokens":1,"completion_tokens":2},"cost":0.0421},"attempts":1,"execution_time":1}` + "\n"
	if b.String() != want {
		t.Errorf("got  %swant %s", b.String(), want)
	}
}

func TestMoney(t *testing.T) {
	for usd, want := range map[float64]string{0: "0", 1: "1", 0.1: "0.1", 12.345: "12.345", 1e-12: "0.000000000001", -2.5: "-2.5", 0.00000001875: "0.00000001875"} {
		data, err := sdk.MoneyFromUSD(usd).MarshalJSON()
		if err != nil || string(data) != want {
			t.Errorf("%v dollars are %s, want %s (%v)", usd, data, want, err)
		}
	}
	for m, want := range map[sdk.Money]string{0: "$0.0000", sdk.USD: "$1.0000", sdk.USD / 1000: "$0.001", sdk.USD / 10: "$0.1000"} {
		if m.String() != want {
			t.Errorf("%d is shown as %s, want %s", int64(m), m, want)
		}
	}
	if sdk.MoneyFromUSD(math.Inf(1)) != math.MaxInt64 || sdk.Money(math.MaxInt64).Add(1) != math.MaxInt64 || sdk.USD.Times(math.MaxInt64) != math.MaxInt64 {
		t.Error("large amounts do not saturate")
	}
}

func TestMoneyProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := sdk.Money(rapid.Int64Range(-1<<62, 1<<62).Draw(t, "m"))
		data, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var back sdk.Money
		if err := json.Unmarshal(data, &back); err != nil || back != m {
			t.Fatalf("%d -> %s -> %d (%v)", int64(m), data, int64(back), err)
		}
		usd := rapid.Float64Range(0, 1e6).Draw(t, "usd")
		if got := sdk.MoneyFromUSD(usd); got.USD() < usd*(1-1e-11)-1e-17 {
			t.Fatalf("%v dollars became less: %v", usd, got.USD())
		}
	})
}
