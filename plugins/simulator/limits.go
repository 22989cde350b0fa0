package main

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// limits are a vendor's limits. They are safe for concurrent use.
type limits struct {
	requests, tokens *bucket // nil is no limit
	mu               sync.Mutex
	silent           bool

	maxConcurrent int64
	inFlight      atomic.Int64
}

func newLimits(s *settings) (*limits, error) {
	l := &limits{maxConcurrent: s.MaxConcurrent, silent: s.RateLimitHeaders != nil && !*s.RateLimitHeaders}
	switch rps := s.RequestsPerSecond; {
	case !(rps >= 0 && rps <= 1e6):
		return nil, invalid("requests_per_second: %v is not from 0 to 1000000", rps)
	case s.Burst < 0 || s.Burst > 1e6:
		return nil, invalid("burst: %d is not from 1 to 1000000", s.Burst)
	case s.TokensPerMinute < 0 || s.MaxConcurrent < 0:
		return nil, invalid("tokens_per_minute, max_concurrent: set them to 0 or more")
	case rps > 0:
		size := float64(s.Burst)
		if size == 0 {
			size = max(1, math.Ceil(rps))
		}
		l.requests = newBucket(size, rps)
	}
	if s.TokensPerMinute > 0 {
		l.tokens = newBucket(float64(s.TokensPerMinute), float64(s.TokensPerMinute)/60)
	}
	return l, nil
}

// enter admits a call of that many tokens, or refuses it as a vendor would.
// Whoever was admitted must leave.
func (l *limits) enter(tokens int64) (*sdk.RateLimit, *sdk.Error) {
	if n := l.inFlight.Add(1); l.maxConcurrent > 0 && n > l.maxConcurrent {
		l.inFlight.Add(-1)
		return nil, &sdk.Error{Kind: sdk.RateLimited, Status: 429, Code: "concurrency", Message: "simulated limit: too many calls at once"}
	}
	if l.requests == nil && l.tokens == nil {
		return nil, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	wait := max(l.requests.missing(now, 1), l.tokens.missing(now, float64(tokens)))
	if wait == 0 {
		l.requests.take(1)
		l.tokens.take(float64(tokens))
		return l.told(), nil
	}
	l.inFlight.Add(-1)
	e := &sdk.Error{Kind: sdk.RateLimited, Status: 429, Code: "rate_limit_exceeded", Message: "simulated limit: too many requests or tokens", RateLimit: l.told()}
	if wait < forever {
		e.RetryAfter = &wait
	} else {
		e.Kind, e.Message = sdk.InvalidRequest, "simulated limit: the call is larger than tokens_per_minute"
	}
	return nil, e
}

func (l *limits) leave() { l.inFlight.Add(-1) }

// told is what the reply's headers say. It requires that l.mu is held.
func (l *limits) told() *sdk.RateLimit {
	if l.silent {
		return nil
	}
	return &sdk.RateLimit{Requests: l.requests.window(), Tokens: l.tokens.window()}
}

const forever = time.Duration(math.MaxInt64)

// A bucket holds size units and gains rate units a second. nil is bottomless.
type bucket struct {
	size, rate, level float64
	at                time.Time
}

func newBucket(size, rate float64) *bucket {
	return &bucket{size: size, rate: rate, level: size, at: time.Now()}
}

// missing brings the level up to now and returns how long until n units are in.
func (b *bucket) missing(now time.Time, n float64) time.Duration {
	if b == nil {
		return 0
	}
	b.level = min(b.size, b.level+b.rate*now.Sub(b.at).Seconds())
	b.at = now
	switch {
	case n > b.size:
		return forever
	case n <= b.level:
		return 0
	}
	return max(1, b.fill(n-b.level))
}

func (b *bucket) take(n float64) {
	if b != nil {
		b.level -= n
	}
}

// fill is the time that it takes to gain n units.
func (b *bucket) fill(n float64) time.Duration {
	return time.Duration(math.Ceil(n / b.rate * float64(time.Second)))
}

func (b *bucket) window() sdk.Window {
	if b == nil {
		return sdk.Window{}
	}
	limit, remaining, reset := int64(b.size), int64(b.level), b.fill(b.size-b.level)
	return sdk.Window{Limit: &limit, Remaining: &remaining, Reset: &reset}
}
