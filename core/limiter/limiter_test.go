package limiter_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cortexlinux/cortex-host/core/limiter"
	"github.com/cortexlinux/cortex-host/sdk"
)

var epoch = time.Unix(1_700_000_000, 0)

func newLimiter(t interface{ Fatal(...any) }, cfg limiter.Config) *limiter.Limiter {
	l, err := limiter.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// However late or early the caller asks, no window holds more than the promise.
func TestPromise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.Float64Range(0.01, 1000).Draw(t, "rate")
		burst := rapid.IntRange(1, 10).Draw(t, "burst")
		l := newLimiter(t, limiter.Config{RequestsPerSecond: rate, Burst: burst})
		now := epoch
		var starts []float64
		for range 200 {
			_, wait := l.Take(now, limiter.Need{})
			if wait.Cause == "" {
				starts = append(starts, now.Sub(epoch).Seconds())
				if rapid.IntRange(0, 3).Draw(t, "late") == 0 { // the caller is held up
					now = now.Add(time.Duration(rapid.Float64Range(0, 3/rate).Draw(t, "delay") * float64(time.Second)))
				}
				continue
			}
			if !wait.Until.After(now) {
				t.Fatalf("told to wait until %v at %v", wait.Until, now)
			}
			now = wait.Until
		}
		for i := range starts {
			for j := i; j < len(starts); j++ {
				if n := float64(j - i + 1); n > float64(burst)+rate*(starts[j]-starts[i])+1e-6 {
					t.Fatalf("%v starts in %v s at %v/s and burst %d", n, starts[j]-starts[i], rate, burst)
				}
			}
		}
	})
}

func TestConfiguredRateIsUsed(t *testing.T) {
	for _, rate := range []float64{0.1, 5, 50, 1000} {
		l := newLimiter(t, limiter.Config{RequestsPerSecond: rate})
		const sends = 10_000
		now := epoch
		for n := 0; n < sends; {
			if _, wait := l.Take(now, limiter.Need{}); wait.Cause != "" {
				now = wait.Until
				continue
			}
			n++
		}
		if used := sends / now.Sub(epoch).Seconds() / rate; used < 0.98 || used > 1.003 {
			t.Errorf("%v/s: %.3f of it used", rate, used)
		}
	}
}

// Spent plus reserved tokens never exceed a second's worth, plus one query,
// plus what the minutes bring; and what was reserved for nothing comes back.
func TestTokens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const perMinute = 60_000
		l := newLimiter(t, limiter.Config{Tokens: limiter.TokensPerMinute{Total: perMinute}})
		now := epoch
		used := 0.0
		most := int64(1)
		var held []limiter.Pass
		var needs []limiter.Need
		reserved := 0.0
		for range 100 {
			need := limiter.Need{Input: rapid.Int64Range(1, 5000).Draw(t, "in"), Output: rapid.Int64Range(0, 5000).Draw(t, "out")}
			most = max(most, need.Input+need.Output)
			for {
				pass, wait := l.Take(now, need)
				if wait.Cause == "" {
					held, needs = append(held, pass), append(needs, need)
					reserved += float64(need.Input + need.Output)
					break
				}
				if wait.Cause != limiter.Tokens || !wait.Until.After(now) {
					t.Fatalf("wait %+v at %v", wait, now)
				}
				now = wait.Until
			}
			if allowed := 1000 + float64(most) + now.Sub(epoch).Seconds()*perMinute/60 + 1; used+reserved > allowed {
				t.Fatalf("%v used and %v reserved after %v, more than %v", used, reserved, now.Sub(epoch), allowed)
			}
			if rapid.Bool().Draw(t, "settle") {
				p, n := held[0], needs[0]
				held, needs = held[1:], needs[1:]
				reserved -= float64(n.Input + n.Output)
				if rapid.Bool().Draw(t, "refused") {
					l.Settle(now, p, limiter.Outcome{Kind: sdk.InvalidRequest})
				} else {
					in := rapid.Int64Range(0, n.Input).Draw(t, "used")
					used += float64(in)
					l.Settle(now, p, limiter.Outcome{Usage: &sdk.Usage{PromptTokens: in}})
				}
			}
		}
	})
}

func TestQueryThatNeverFits(t *testing.T) {
	l := newLimiter(t, limiter.Config{Tokens: limiter.TokensPerMinute{Output: 1000}})
	if err := l.Fits(limiter.Need{Input: 1 << 40, Output: 1000}); err != nil {
		t.Error(err)
	}
	if err := l.Fits(limiter.Need{Output: 1001}); err == nil || err.Kind != sdk.TooLarge || !strings.Contains(err.Message, "completion tokens") {
		t.Errorf("error %v", err)
	}
}

// pass takes one that must be there.
func pass(t *testing.T, l *limiter.Limiter, now time.Time) limiter.Pass {
	t.Helper()
	p, wait := l.Take(now, limiter.Need{})
	if wait.Cause != "" {
		t.Fatalf("wait %+v after %v", wait, now.Sub(epoch))
	}
	return p
}

func TestRetryAfterClosesTheLane(t *testing.T) {
	l := newLimiter(t, limiter.Config{})
	a, b := pass(t, l, epoch), pass(t, l, epoch)
	l.Settle(epoch, a, limiter.Outcome{Kind: sdk.RateLimited, RetryAfter: new(10 * time.Second)})
	l.Settle(epoch.Add(time.Second), b, limiter.Outcome{Kind: sdk.Overloaded, RetryAfter: new(2 * time.Second)})
	_, wait := l.Take(epoch.Add(5*time.Second), limiter.Need{})
	if wait.Cause != limiter.Paused || !wait.Until.Equal(epoch.Add(10*time.Second)) {
		t.Errorf("wait %+v", wait)
	}
	pass(t, l, epoch.Add(10*time.Second))
}

// Without Retry-After single calls find out when the lane is open again.
func TestProbes(t *testing.T) {
	l := newLimiter(t, limiter.Config{})
	var flying []limiter.Pass
	for range 10 {
		flying = append(flying, pass(t, l, epoch))
	}
	now := epoch.Add(time.Second)
	for _, p := range flying {
		l.Settle(now, p, limiter.Outcome{Kind: sdk.Overloaded})
	}
	var gaps []time.Duration
	for range 8 {
		_, wait := l.Take(now, limiter.Need{})
		gaps = append(gaps, wait.Until.Sub(now))
		now = wait.Until
		p := pass(t, l, now)
		if _, wait := l.Take(now, limiter.Need{}); wait.Cause != limiter.Paused || !wait.Until.IsZero() {
			t.Fatalf("a second call beside the probe: %+v", wait)
		}
		l.Settle(now, p, limiter.Outcome{Kind: sdk.Overloaded})
	}
	if s := fmt.Sprint(gaps); s != "[500ms 1s 2s 4s 8s 15s 15s 15s]" {
		t.Errorf("probes after %s", s)
	}
	_, wait := l.Take(now, limiter.Need{})
	now = wait.Until
	p := pass(t, l, now)
	l.Settle(now, p, limiter.Outcome{})
	pass(t, l, now)
	pass(t, l, now)
}

// The answer to a probe may take minutes. What is not refused in a few times the
// time that refusals take is not refused.
func TestProbeThatIsNotRefusedOpensTheLane(t *testing.T) {
	for _, c := range []struct{ takes, patience time.Duration }{
		{10 * time.Millisecond, 500 * time.Millisecond}, {time.Second, 4 * time.Second},
	} {
		l := newLimiter(t, limiter.Config{})
		now := epoch.Add(c.takes)
		l.Settle(now, pass(t, l, epoch), limiter.Outcome{Kind: sdk.RateLimited})
		now = now.Add(500 * time.Millisecond)
		probe := pass(t, l, now)
		_, wait := l.Take(now, limiter.Need{})
		if wait.Cause != limiter.Paused || wait.Until.Sub(now) != c.patience {
			t.Fatalf("refusals that take %v: waits %v beside the probe, %s", c.takes, wait.Until.Sub(now), wait.Cause)
		}
		now = wait.Until
		other := pass(t, l, now)
		pass(t, l, now)

		// Refused late, it was the first of a new closure, and the next one is
		// waited for longer.
		now = now.Add(time.Second)
		l.Settle(now, probe, limiter.Outcome{Kind: sdk.RateLimited})
		if _, wait = l.Take(now, limiter.Need{}); wait.Until.Sub(now) != 500*time.Millisecond {
			t.Fatalf("closed again for %v", wait.Until.Sub(now))
		}
		l.Settle(now, other, limiter.Outcome{}) // accepted before: says nothing
		if _, wait = l.Take(now, limiter.Need{}); wait.Cause != limiter.Paused {
			t.Fatal("an answer to a call of before opened the lane")
		}
		now = wait.Until
		pass(t, l, now)
		if _, wait = l.Take(now, limiter.Need{}); wait.Until.Sub(now) != 4*(c.patience+time.Second) {
			t.Errorf("patience %v", wait.Until.Sub(now))
		}
	}
}

// A probe that is over when a later one is under way has no say in that.
func TestLateProbeLeavesTheNextAlone(t *testing.T) {
	l := newLimiter(t, limiter.Config{})
	l.Settle(epoch, pass(t, l, epoch), limiter.Outcome{Kind: sdk.RateLimited})
	now := epoch.Add(time.Second)
	first := pass(t, l, now)
	now = now.Add(time.Second)
	l.Settle(now, pass(t, l, now), limiter.Outcome{Kind: sdk.RateLimited})
	now = now.Add(time.Second)
	pass(t, l, now)
	for _, kind := range []sdk.Kind{sdk.Canceled, ""} {
		l.Settle(now, first, limiter.Outcome{Kind: kind})
		if _, wait := l.Take(now, limiter.Need{}); wait.Cause != limiter.Paused {
			t.Errorf("after %q: %+v", kind, wait)
		}
	}
}

// What comes of a probe that was given up long ago is the end of a call like any
// other.
func TestEndOfAnOldProbe(t *testing.T) {
	for _, kind := range []sdk.Kind{sdk.Overloaded, ""} {
		l := newLimiter(t, limiter.Config{})
		now := epoch
		l.Settle(now, pass(t, l, now), limiter.Outcome{})
		l.Settle(now, pass(t, l, now), limiter.Outcome{Kind: sdk.RateLimited})
		now = now.Add(500 * time.Millisecond)
		old := pass(t, l, now)
		now = now.Add(500 * time.Millisecond)
		l.Settle(now, pass(t, l, now), limiter.Outcome{}) // it is open again
		if kind == "" {                                   // it comes in the middle of an outage
			for range 30 {
				l.Settle(now, pass(t, l, now), limiter.Outcome{Kind: sdk.InDoubt})
			}
			l.Settle(now, pass(t, l, now), limiter.Outcome{Kind: sdk.Overloaded})
		}
		trouble := l.InTrouble()
		l.Settle(now, old, limiter.Outcome{Kind: kind})
		_, wait := l.Take(now, limiter.Need{})
		if closed := wait.Cause == limiter.Paused; closed != (kind == "") || l.InTrouble() != trouble || trouble != (kind == "") {
			t.Errorf("old probe ended with %q: closed %v, in trouble before %v, after %v", kind, closed, trouble, l.InTrouble())
		}
	}
}

// A reply that is worth nothing is a reply all the same: the vendor is well.
func TestWorthlessRepliesAreReplies(t *testing.T) {
	for _, kind := range []sdk.Kind{"", sdk.Truncated, sdk.ContentFiltered, sdk.Refused, sdk.NotAnswered, sdk.BadResponse} {
		l := newLimiter(t, limiter.Config{})
		l.Settle(epoch, pass(t, l, epoch), limiter.Outcome{Kind: sdk.Overloaded})
		now := epoch.Add(time.Second)
		l.Settle(now, pass(t, l, now), limiter.Outcome{Kind: kind})
		pass(t, l, now)
		if pass(t, l, now); l.InTrouble() {
			t.Errorf("in trouble after %q", kind)
		}
	}
}

// A vendor in trouble says for how long, and is asked by one call then.
func TestVendorInTroubleIsProbedAfterItsPause(t *testing.T) {
	l := newLimiter(t, limiter.Config{})
	now := epoch
	for range 3 {
		l.Settle(now, pass(t, l, now), limiter.Outcome{Kind: sdk.Overloaded, RetryAfter: new(time.Second)})
		if _, wait := l.Take(now, limiter.Need{}); wait.Until.Sub(now) != time.Second {
			t.Fatalf("closed until %v", wait.Until.Sub(now))
		}
		now = now.Add(time.Second)
	}
	pass(t, l, now)
	if _, wait := l.Take(now, limiter.Need{}); wait.Cause != limiter.Paused || !wait.Until.IsZero() {
		t.Errorf("a second call beside the probe: %+v", wait)
	}
}

// However late a refusal comes, the next probe is not waited for for long.
func TestPatienceHasAnEnd(t *testing.T) {
	l := newLimiter(t, limiter.Config{})
	now := epoch.Add(10 * time.Minute)
	l.Settle(now, pass(t, l, epoch), limiter.Outcome{Kind: sdk.RateLimited})
	now = now.Add(time.Second)
	pass(t, l, now)
	if _, wait := l.Take(now, limiter.Need{}); wait.Until.Sub(now) != time.Minute {
		t.Errorf("%v", wait.Until.Sub(now))
	}
}

// Vendors fail a call now and then. That is no reason to stop all others, nor to
// ask for less. Many failures are.
func TestOneFailureHoldsNobodyUp(t *testing.T) {
	for _, kind := range []sdk.Kind{sdk.Overloaded, sdk.InDoubt} {
		l := newLimiter(t, limiter.Config{RequestsPerSecond: 5, Burst: 5, Adaptive: true})
		now := epoch
		call := func(kind sdk.Kind) {
			for {
				p, wait := l.Take(now, limiter.Need{})
				if wait.Cause == "" {
					l.Settle(now, p, limiter.Outcome{Kind: kind})
					return
				}
				if wait.Cause != limiter.Requests {
					t.Fatalf("%s: %+v", kind, wait)
				}
				now = wait.Until
			}
		}
		for i := range 2000 {
			if i%50 == 49 {
				call(kind)
			} else {
				call("")
			}
			if l.InTrouble() {
				t.Fatalf("%s: in trouble after %d calls", kind, i)
			}
		}
		if l.Rate() < 50 {
			t.Errorf("%s: the rate grew to %v only", kind, l.Rate())
		}
		n := 0
		for ; !l.InTrouble(); n++ {
			call(kind)
		}
		if n > 15 {
			t.Errorf("%s: %d failures in a row were borne", kind, n)
		}
		grown := l.Rate()
		_, wait := l.Take(now, limiter.Need{})
		if closed := wait.Cause == limiter.Paused; closed != (kind == sdk.Overloaded) {
			t.Errorf("%s: %+v", kind, wait)
		}
		l.Take(now.Add(5*time.Second), limiter.Need{})
		if l.Rate() > grown {
			t.Errorf("%s: the rate grew from %v to %v while the vendor was in trouble", kind, grown, l.Rate())
		}
	}
}

func TestCanceledProbeIsFollowedByAnother(t *testing.T) {
	l := newLimiter(t, limiter.Config{})
	l.Settle(epoch, pass(t, l, epoch), limiter.Outcome{Kind: sdk.Overloaded})
	now := epoch.Add(time.Second)
	l.Settle(now, pass(t, l, now), limiter.Outcome{Kind: sdk.Canceled})
	pass(t, l, now)
}

func TestOverloadNeverCuts(t *testing.T) {
	l := newLimiter(t, limiter.Config{RequestsPerSecond: 10, Burst: 1, Adaptive: true})
	now := epoch
	for range 20 {
		p := pass(t, l, now)
		l.Settle(now, p, limiter.Outcome{Kind: sdk.Overloaded, RetryAfter: new(time.Second)})
		now = now.Add(time.Second)
		if r := l.Rate(); r < 9.9 {
			t.Fatalf("rate %v", r)
		}
	}
}

func TestWrongConfiguration(t *testing.T) {
	for _, c := range []limiter.Config{
		{RequestsPerSecond: -1}, {RequestsPerSecond: math.NaN()}, {RequestsPerSecond: math.Inf(1)},
		{Burst: -1}, {Adaptive: true}, {Share: 1.1}, {Share: -0.1}, {Tokens: limiter.TokensPerMinute{Input: -1}},
	} {
		if _, err := limiter.New(c); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
}

func TestShareLeavesTheRestToOthers(t *testing.T) {
	l := newLimiter(t, limiter.Config{RequestsPerSecond: 5, Burst: 5, Adaptive: true, Share: 0.7})
	told := &sdk.RateLimit{Requests: sdk.Window{Limit: new(int64(6000)), Remaining: new(int64(5999)), Reset: new(10 * time.Millisecond)}}
	l.Settle(epoch, pass(t, l, epoch), limiter.Outcome{RateLimit: told})
	if r := l.Rate(); math.Abs(r-0.7*0.97*100) > 0.5 {
		t.Errorf("rate %v of a limit of 100/s", r)
	}
}

func ExampleLimiter() {
	l, err := limiter.New(limiter.Config{RequestsPerSecond: 2})
	if err != nil {
		panic(err)
	}
	now := time.Unix(0, 0)
	pass, _ := l.Take(now, limiter.Need{}) // send at once
	_, wait := l.Take(now, limiter.Need{})
	fmt.Println(wait.Cause, wait.Until.Sub(now).Round(10*time.Millisecond))
	l.Settle(now, pass, limiter.Outcome{}) // when the answer is there
	// Output: requests 500ms
}

func TestRefusedTokensComeBack(t *testing.T) {
	l := newLimiter(t, limiter.Config{Tokens: limiter.TokensPerMinute{Total: 6000}})
	need := limiter.Need{Input: 50, Output: 50} // a second's worth
	p, _ := l.Take(epoch, need)
	if _, wait := l.Take(epoch, need); wait.Cause != limiter.Tokens {
		t.Fatalf("wait %+v", wait)
	}
	l.Settle(epoch, p, limiter.Outcome{Kind: sdk.InvalidRequest})
	if _, wait := l.Take(epoch, need); wait.Cause != "" {
		t.Errorf("the tokens of a refused call are gone: %+v", wait)
	}
}
