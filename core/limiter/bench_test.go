package limiter

import (
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// BenchmarkAdmit is what a query costs the limiter: asked, sent, settled.
func BenchmarkAdmit(b *testing.B) {
	tokens := TokensPerMinute{Total: 1 << 50}
	for name, cfg := range map[string]Config{
		"unlimited": {},
		"fixed":     {RequestsPerSecond: 1e9, Burst: 1000},
		"tokens":    {RequestsPerSecond: 1e9, Burst: 1000, Tokens: tokens},
		"adaptive":  {RequestsPerSecond: 1e9, Burst: 1000, Tokens: tokens, Adaptive: true},
	} {
		b.Run(name, func(b *testing.B) {
			l, err := New(cfg)
			if err != nil {
				b.Fatal(err)
			}
			need, outcome := Need{Input: 100, Output: 200}, Outcome{Usage: &sdk.Usage{PromptTokens: 90, CompletionTokens: 150}}
			b.ReportAllocs()
			for b.Loop() {
				now := time.Now()
				pass, wait := l.Take(now, need)
				if wait.Cause != "" {
					b.Fatalf("it waits for %s", wait.Cause)
				}
				l.Settle(now, pass, outcome)
			}
		})
	}
}
