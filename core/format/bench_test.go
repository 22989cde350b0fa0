package format_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/core/format"
	"github.com/cortexlinux/cortex-host/sdk"
)

// BenchmarkEncode is a row of each format for an answer of 400 bytes.
func BenchmarkEncode(b *testing.B) {
	r := sdk.Result{QueryID: "q1234567", Index: 1234567, Attempts: 1, ExecutionTime: 812 * time.Millisecond, Response: &sdk.Response{
		Content: strings.Repeat("Everything is fine.\n", 20), Provider: "openai", Model: "gpt-4o-mini", FinishReason: sdk.Stop,
		Usage: &sdk.Usage{PromptTokens: 90, CompletionTokens: 100}, Cost: new(sdk.Money(73_500_000)), Latency: 810 * time.Millisecond,
	}}
	for name, e := range map[string]format.Encoder{"ndjson": format.NDJSON{}, "text": format.Text{}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := e.Append(nil, &r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRead is the reading of a file of ordinary queries, one each round.
func BenchmarkRead(b *testing.B) {
	line := `{"id":"q1234567","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"` +
		strings.Repeat("What is nginx? ", 20) + `"}],"task_type":"system_operation"}` + "\n"
	for name, in := range map[string]format.Input{"asked": {Unique: true}, "checked": {Unique: true, Glance: true}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(line)))
			n := 0
			for _, err := range format.Read(&endless{line: line}, in, format.ReadOptions{Kind: format.KindNDJSON}) {
				if err != nil {
					b.Fatal(err)
				}
				if n++; n >= b.N {
					break
				}
			}
		})
	}
}

// endless repeats a line for ever.
type endless struct {
	line string
	at   int
}

func (e *endless) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		k := copy(p[n:], e.line[e.at:])
		n, e.at = n+k, (e.at+k)%len(e.line)
	}
	return n, nil
}
