package sdk

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever is in a row, it is one line of JSON and encoding/json reads it back.
func TestRowsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawResult(t)
		row := want.AppendJSON(nil)
		for _, c := range row {
			if c < ' ' {
				t.Fatalf("a control character stands in %q", row)
			}
		}
		var got Result
		if err := json.Unmarshal(row, &got); err != nil {
			t.Fatalf("%q: %v", row, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s reads back as\n%+v, want\n%+v", row, got, want)
		}
	})
}

func drawResult(t *rapid.T) Result {
	text := rapid.String()
	r := Result{
		QueryID: text.Draw(t, "id"), Index: rapid.Int64Min(0).Draw(t, "index"),
		Attempts: rapid.IntRange(0, 100).Draw(t, "attempts"), ExecutionTime: drawDuration(t),
		Degraded: rapid.Bool().Draw(t, "degraded"), PossiblyBilled: rapid.Bool().Draw(t, "billed"),
		Generator: text.Draw(t, "generator"),
	}
	if m := rapid.MapOf(text, text).Draw(t, "metadata"); len(m) > 0 {
		r.Metadata = m
	}
	if rapid.Bool().Draw(t, "answered") {
		r.Response = &Response{
			Content: text.Draw(t, "content"), Provider: text.Draw(t, "provider"), Model: text.Draw(t, "model"),
			ModelServed: text.Draw(t, "served"), Latency: drawDuration(t), RequestID: text.Draw(t, "request"),
			FinishReason: FinishReason(text.Draw(t, "reason")), Usage: drawUsage(t),
		}
		if rapid.Bool().Draw(t, "priced") {
			r.Response.Cost = new(Money(rapid.Int64Range(-1e15, 1e15).Draw(t, "cost")))
		}
		for range rapid.IntRange(0, 2).Draw(t, "calls") {
			r.Response.ToolCalls = append(r.Response.ToolCalls, ToolCall{text.Draw(t, "id"), text.Draw(t, "name"), text.Draw(t, "arguments")})
		}
	}
	if rapid.Bool().Draw(t, "failed") {
		r.Error = &Error{
			Kind: rapid.SampledFrom(Kinds()).Draw(t, "kind"), Message: text.Draw(t, "message"), Provider: text.Draw(t, "provider"),
			Code: text.Draw(t, "code"), Status: rapid.IntRange(0, 599).Draw(t, "status"), RequestID: text.Draw(t, "request"), Usage: drawUsage(t),
		}
		if rapid.Bool().Draw(t, "asked to wait") {
			r.Error.RetryAfter = new(drawDuration(t))
		}
	}
	return r
}

func drawUsage(t *rapid.T) *Usage {
	if rapid.Bool().Draw(t, "no usage") {
		return nil
	}
	n := rapid.Int64Range(0, 1<<40)
	return &Usage{n.Draw(t, "prompt"), n.Draw(t, "completion"), n.Draw(t, "cached"), n.Draw(t, "written"), n.Draw(t, "reasoning")}
}

func drawDuration(t *rapid.T) time.Duration {
	return time.Duration(rapid.Int64Range(0, int64(24*time.Hour/time.Microsecond)).Draw(t, "us")) * time.Microsecond
}

func BenchmarkAppendResult(b *testing.B) {
	r := Result{QueryID: "q123456", Index: 123456, Attempts: 1, ExecutionTime: 123456 * time.Microsecond, Response: &Response{
		Content: "An answer of some\nlength, as they are: " + "four hundred characters or so.", Provider: "openai", Model: "gpt-4o-mini",
		ModelServed: "gpt-4o-mini-2024-07-18", Usage: &Usage{PromptTokens: 20, CompletionTokens: 100}, Cost: new(Money(63_000_000)),
		Latency: 120 * time.Millisecond, FinishReason: Stop, RequestID: "req_0123456789",
	}}
	b.ReportAllocs()
	var row []byte
	for b.Loop() {
		row = r.AppendJSON(row[:0])
	}
}

// Times are written as short as they are.
func TestTimesAreShort(t *testing.T) {
	for d, want := range map[time.Duration]string{1537389 * time.Microsecond: `"execution_time":1.537389`, 61000003 * time.Microsecond: `"execution_time":61.000003`} {
		r := Result{QueryID: "q", Attempts: 1, ExecutionTime: d, Error: &Error{Kind: Internal}}
		if got := string(r.AppendJSON(nil)); !strings.Contains(got, want+"}") && !strings.Contains(got, want+",") {
			t.Errorf("%s; want %s", got, want)
		}
	}
}
