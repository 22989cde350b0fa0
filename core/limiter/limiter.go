package limiter

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// Config says what a limiter limits. The zero value limits nothing.
type Config struct {
	// RequestsPerSecond is the rate of sends; 0 means no limit.
	RequestsPerSecond float64
	// Burst is how many sends may follow each other at once; 0 means 1.
	Burst int
	// Adaptive finds the rate: it starts with RequestsPerSecond and Burst, and
	// follows what the vendor's headers and refusals say.
	Adaptive bool
	// Share is the part of the limits in the vendor's headers that is used,
	// from above 0 to 1; 0 means 1.
	Share float64
	// Tokens are allowances per minute; 0 means no limit of one's own. What the
	// vendor's headers say of tokens lowers them.
	Tokens TokensPerMinute
	// IgnoreTokenHeaders keeps to Tokens whatever the headers say.
	IgnoreTokenHeaders bool
}

// TokensPerMinute are allowances of tokens. Vendors count prompt and
// completion together, apart, or both.
type TokensPerMinute struct {
	Total, Input, Output int64
}

// A Need is what one attempt is expected to use.
type Need struct {
	Input, Output int64
}

// A Pass is the right to one send, paid for. Give it back to [Limiter.Settle]
// when the outcome is known.
type Pass struct {
	at    time.Time
	need  Need
	probe bool
	rate  float64 // at which it was sent, if it is adaptive
}

// Probe reports whether the send is to find out if the vendor answers again.
func (p Pass) Probe() bool { return p.probe }

// Sent returns when the query was allowed to be sent.
func (p Pass) Sent() time.Time { return p.at }

// A Cause says what a query waits for.
type Cause string

// The causes that the limiter knows.
const (
	Requests Cause = "requests"
	Tokens   Cause = "tokens"
	Paused   Cause = "provider_pause"
)

// A Wait says that nothing may be sent before Until, and why. Without Until it
// is for the end of a call under way. Without Cause there is nothing to wait
// for: the pass was given.
type Wait struct {
	Until time.Time
	Cause Cause
}

// An Outcome is what the limiter learns from a finished attempt.
type Outcome struct {
	// Kind is empty after a success.
	Kind sdk.Kind
	// Usage is nil if it is not known.
	Usage *sdk.Usage
	// RateLimit is what the reply's headers said, or nil.
	RateLimit *sdk.RateLimit
	// RetryAfter is the wait that was asked for, or nil.
	RetryAfter *time.Duration
}

// A Limiter admits the sends of one lane. It is safe for concurrent use.
type Limiter struct {
	mu       sync.Mutex
	requests bucket
	tokens   [3]ledger // total, input, output
	gate     gate
	trouble  trouble

	// adaptive is nil if the rate is fixed.
	adaptive *controller
	share    float64
	deaf     bool       // to what headers say of tokens
	meters   [4]meter   // requests, then as tokens
	typical  [3]float64 // tokens of an answer, a moving average

	clock clock
	sends Use
}

// New returns a limiter whose buckets are full.
func New(cfg Config) (*Limiter, error) {
	r := cfg.RequestsPerSecond
	switch {
	case math.IsNaN(r) || math.IsInf(r, 0) || r < 0:
		return nil, fmt.Errorf("requests per second must be a number of at least 0, not %v", r)
	case cfg.Adaptive && r == 0:
		return nil, errors.New("an adaptive limiter needs a rate to start with")
	case math.IsNaN(cfg.Share) || cfg.Share < 0 || cfg.Share > 1:
		return nil, fmt.Errorf("share must be above 0 and at most 1, not %v", cfg.Share)
	case cfg.Burst < 0:
		return nil, fmt.Errorf("burst must be at least 1, or 0 for the default, not %d", cfg.Burst)
	case cfg.Tokens.Total < 0 || cfg.Tokens.Input < 0 || cfg.Tokens.Output < 0:
		return nil, errors.New("tokens per minute must be at least 0")
	}
	if cfg.Share == 0 {
		cfg.Share = 1
	}
	l := &Limiter{requests: newBucket(r, cfg.Burst), share: cfg.Share, deaf: cfg.IgnoreTokenHeaders}
	if cfg.Adaptive {
		l.adaptive = &controller{rate: r, start: r}
	}
	for i, perMinute := range [3]int64{cfg.Tokens.Total, cfg.Tokens.Input, cfg.Tokens.Output} {
		l.tokens[i] = newLedger(perMinute)
	}
	return l, nil
}

// Fits reports an error if no wait could ever make room for the need.
func (l *Limiter) Fits(need Need) *sdk.Error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, n := range need.amounts() {
		if limit := l.tokens[i].largest(); limit > 0 && n > limit {
			return sdk.Errorf(sdk.TooLarge, "the query may use %d %stokens, the limit is %d a minute: lower max_tokens, shorten the prompt or raise the limit",
				n, ledgerNames[i], limit)
		}
	}
	return nil
}

// Take gives a pass for one send at now, or says how long to wait. It never
// blocks. Whoever holds a pass has to start the call at once: the promise of
// the package is about starts.
func (l *Limiter) Take(now time.Time, need Need) (Pass, Wait) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.allow(now)
	l.clock.waiting = true
	if at, open := l.gate.ready(now, l.trouble.serious()); !open {
		return Pass{}, Wait{Until: at, Cause: Paused}
	}
	l.adapt(now)
	amounts := need.amounts()
	for i := range l.tokens {
		if until := l.tokens[i].ready(now, amounts[i]); until.After(now) {
			return Pass{}, Wait{Until: until, Cause: Tokens}
		}
	}
	if until := l.requests.take(now); until.After(now) {
		return Pass{}, Wait{Until: until, Cause: Requests}
	}
	for i := range l.tokens {
		l.tokens[i].add(now, -amounts[i])
	}
	l.clock.waiting = false
	l.clock.flying++
	if l.requests.rate() > 0 {
		l.sends.Used++
	}
	pass := Pass{at: now, need: need, probe: l.gate.pass(now)}
	if l.adaptive != nil {
		pass.rate = l.requests.rate()
	}
	return pass, Wait{}
}

// Settle reports the outcome of the attempt that the pass was for: reserved
// tokens become used ones, or are refunded if the vendor refused; headers and
// refusals steer an adaptive rate.
func (l *Limiter) Settle(now time.Time, pass Pass, out Outcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.allow(now)
	l.clock.flying--
	used := pass.need
	switch {
	case out.Usage != nil:
		used = Need{Input: out.Usage.PromptTokens, Output: out.Usage.CompletionTokens}
	case unused(out.Kind):
		used = Need{}
	}
	reserved, settled := pass.need.amounts(), used.amounts()
	for i := range l.tokens {
		l.tokens[i].settle(now, reserved[i], settled[i])
	}
	l.trouble.learn(out.Kind)
	probe := l.gate.probe(pass)
	switch {
	case answered(out.Kind):
		if probe {
			l.trouble.recovered()
		}
		l.gate.answered(now, pass)
	case l.closes(probe, out):
		l.gate.refused(now, pass, out.wait(), l.trouble.serious())
	default:
		l.gate.lost(pass)
	}
	l.listen(now, out.RateLimit)
	if l.adaptive == nil {
		return
	}
	switch {
	case answered(out.Kind):
		l.adaptive.accepted(now)
		l.remember(settled)
	case out.Kind == sdk.RateLimited:
		if probe || out.wait() > 0 {
			l.adaptive.noise = noise{} // there is a limit
		}
		if !probe {
			l.adaptive.refused(now, pass.at, pass.rate, l.gate.probed)
		}
	}
	if l.trouble.serious() {
		l.adaptive.paused = now.Add(growthPause)
	}
	l.adapt(now)
}

// wait is what was asked for, 0 if nothing was.
func (o *Outcome) wait() time.Duration {
	if o.RetryAfter == nil {
		return 0
	}
	return max(0, *o.RetryAfter)
}

// PausedUntil returns the end of the present pause, a past time without one.
func (l *Limiter) PausedUntil() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.gate.until
}

// closes reports whether an outcome closes the gate: a rate limit always does, an
// overload if the vendor is in trouble, says for how long, or refuses the probe.
func (l *Limiter) closes(probe bool, out Outcome) bool {
	if out.Kind == sdk.Overloaded {
		return probe || l.trouble.serious() || out.wait() > 0
	}
	return out.Kind == sdk.RateLimited
}

// InTrouble reports whether the vendor is not well: so many of the latest
// calls were refused as overloaded, or failed in doubt, that it is more than bad
// luck.
func (l *Limiter) InTrouble() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.trouble.serious()
}

// SetRate fixes the rate of sends from now on; 0 takes the limit away.
func (l *Limiter) SetRate(now time.Time, requestsPerSecond float64, burst int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.adaptive = nil
	l.requests.set(now, requestsPerSecond, burst)
}

// TokensPerMinute returns the present allowance of prompt and completion
// tokens together, 0 if there is none.
func (l *Limiter) TokensPerMinute() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tokens[0].perMinute
}

// Adaptive reports whether the rate is looked for.
func (l *Limiter) Adaptive() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.adaptive != nil
}

// Rate returns the present rate of sends per second, 0 if there is no limit.
func (l *Limiter) Rate() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.requests.rate()
}

// Burst returns how many sends may follow each other at once, 0 if there is no
// limit.
func (l *Limiter) Burst() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.requests.burst()
}

func (n Need) amounts() [3]int64 { return [3]int64{n.Input + n.Output, n.Input, n.Output} }

// unused reports whether a failure of this kind used no tokens.
func unused(kind sdk.Kind) bool {
	switch kind {
	case sdk.Unreachable, sdk.RateLimited, sdk.Overloaded, sdk.QuotaExhausted, sdk.Unauthenticated,
		sdk.PermissionDenied, sdk.InvalidRequest, sdk.ContextLength, sdk.NotFound, sdk.Conflict, sdk.CredentialRenewed:
		return true
	}
	return false
}
