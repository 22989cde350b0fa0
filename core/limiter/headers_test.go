package limiter_test

import (
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/core/limiter"
	"github.com/cortexlinux/cortex-host/sdk"
)

// windowOf is a limit as headers tell it, hardly used.
func windowOf(limit int64) sdk.Window {
	return sdk.Window{Limit: &limit, Remaining: new(limit - 1), Reset: new(10 * time.Millisecond)}
}

// told returns a limiter that has read headers once.
func told(t *testing.T, cfg limiter.Config, headers sdk.RateLimit) *limiter.Limiter {
	t.Helper()
	l := newLimiter(t, cfg)
	l.Settle(epoch, pass(t, l, epoch), limiter.Outcome{RateLimit: &headers})
	return l
}

// What a vendor says of tokens holds with a fixed rate of requests too.
func TestTokenHeadersHoldAtAFixedRate(t *testing.T) {
	minute := sdk.RateLimit{Tokens: windowOf(60_000)}
	for name, c := range map[string]struct {
		cfg  limiter.Config
		want int64 // tokens a minute
	}{
		"what the headers say":    {limiter.Config{RequestsPerSecond: 10}, 58_200},
		"no rate at all":          {limiter.Config{}, 58_200},
		"a share of it":           {limiter.Config{Share: 0.5}, 29_100},
		"no more than configured": {limiter.Config{Tokens: limiter.TokensPerMinute{Total: 6000}}, 6000},
		"no more than told":       {limiter.Config{Tokens: limiter.TokensPerMinute{Total: 90_000}}, 58_200},
		"off":                     {limiter.Config{IgnoreTokenHeaders: true}, 0},
		"off, adaptive":           {limiter.Config{IgnoreTokenHeaders: true, Adaptive: true, RequestsPerSecond: 5}, 0},
	} {
		if got := told(t, c.cfg, minute).TokensPerMinute(); got != c.want {
			t.Errorf("%s: %d tokens a minute, want %d", name, got, c.want)
		}
	}
}

// A vendor that counts prompt and completion apart is paced apart.
func TestPromptAndCompletionTokensAreCountedApart(t *testing.T) {
	l := told(t, limiter.Config{}, sdk.RateLimit{InputTokens: windowOf(600_000), OutputTokens: windowOf(6000)})
	now := epoch.Add(time.Second)
	need := limiter.Need{Input: 5000, Output: 97} // a second's worth of completion tokens
	if _, wait := l.Take(now, need); wait.Cause != "" {
		t.Fatalf("wait %+v", wait)
	}
	_, wait := l.Take(now, limiter.Need{Input: 1000, Output: 97})
	if wait.Cause != limiter.Tokens || wait.Until.Sub(now) < 900*time.Millisecond || wait.Until.Sub(now) > 1100*time.Millisecond {
		t.Errorf("completion tokens are used up: %+v", wait)
	}
	if _, wait := l.Take(now, limiter.Need{Input: 1000}); wait.Cause != "" {
		t.Errorf("prompt tokens are left: %+v", wait)
	}
}

// A query that fits the vendor's limit waits, however little is allowed at the
// moment; one that does not is an error.
func TestAQueryFitsByTheLimitAndNotByWhatIsLeft(t *testing.T) {
	low := sdk.Window{Limit: new(int64(60_000)), Remaining: new(int64(600)), Reset: new(50 * time.Second)}
	l := told(t, limiter.Config{}, sdk.RateLimit{Tokens: low})
	if l.TokensPerMinute() > 10_000 {
		t.Fatalf("%d tokens a minute with hardly any left", l.TokensPerMinute())
	}
	if err := l.Fits(limiter.Need{Input: 50_000}); err != nil {
		t.Errorf("a query that fits: %v", err)
	}
	if err := l.Fits(limiter.Need{Input: 60_001}); err == nil || err.Kind != sdk.TooLarge {
		t.Errorf("one that never fits: %v", err)
	}
	if _, wait := l.Take(epoch, limiter.Need{Input: 50_000}); wait.Cause != limiter.Tokens && wait.Cause != "" {
		t.Errorf("wait %+v", wait)
	}
}

// A vendor that enforces 50 a second with a burst of 5, and says just that, is
// not taken for one that allows 5 a minute.
func TestALimitForAMoment(t *testing.T) {
	l := newLimiter(t, limiter.Config{RequestsPerSecond: 5, Adaptive: true})
	now, sends := epoch, 0
	for now.Sub(epoch) < 20*time.Second {
		p, wait := l.Take(now, limiter.Need{})
		if wait.Cause != "" {
			now = wait.Until
			continue
		}
		sends++
		now = now.Add(time.Millisecond)
		l.Settle(now, p, limiter.Outcome{RateLimit: &sdk.RateLimit{Requests: sdk.Window{
			Limit: new(int64(5)), Remaining: new(int64(4)), Reset: new(20 * time.Millisecond),
		}}})
	}
	if rate := l.Rate(); rate < 45 || rate > 50 || sends < 700 {
		t.Errorf("%.2f a second, %d sends in 20 s", rate, sends)
	}
}

func TestUses(t *testing.T) {
	l := newLimiter(t, limiter.Config{RequestsPerSecond: 10, Tokens: limiter.TokensPerMinute{Total: 60_000}})
	now := epoch
	for range 100 { // every fifth of a second, half the rate; 100 tokens each
		p, wait := l.Take(now, limiter.Need{Input: 100, Output: 100})
		if wait.Cause != "" {
			t.Fatalf("wait %+v", wait)
		}
		now = now.Add(200 * time.Millisecond)
		l.Settle(now, p, limiter.Outcome{Usage: &sdk.Usage{PromptTokens: 60, CompletionTokens: 40}})
	}
	_, _ = l.Take(now.Add(time.Hour), limiter.Need{}) // idle time does not count
	u := l.Uses()
	if part, ok := u.Requests.Part(); !ok || part < 0.49 || part > 0.52 {
		t.Errorf("%.3f of the requests, %v", part, ok)
	}
	if part, ok := u.Tokens.Part(); !ok || part < 0.47 || part > 0.48 { // a second's worth was there before
		t.Errorf("%.3f of the tokens, %v", part, ok)
	}
	if _, ok := u.PromptTokens.Part(); ok {
		t.Error("a limit that is not there was used")
	}
}
