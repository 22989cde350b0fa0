package upstream

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// bucket enforces a Limit. It is written here, and not borrowed from the code
// under test, so that the two can't share a mistake.
type bucket struct {
	mu     sync.Mutex
	limit  Limit
	tokens float64
	last   time.Time
}

// set replaces the limit; the bucket starts full.
func (b *bucket) set(l Limit) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l.Burst <= 0 {
		l.Burst = 1
	}
	b.limit, b.tokens, b.last = l, float64(l.Burst), time.Time{}
}

// verdict is what the bucket says to one request.
type verdict struct {
	refused    bool
	limit      Limit
	remaining  int64
	reset      time.Duration // until the bucket is full
	retryAfter time.Duration // until one token is there
}

// take asks for one token at the time now.
func (b *bucket) take(now time.Time) verdict {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.limit.PerSecond <= 0 {
		return verdict{limit: b.limit}
	}
	size := float64(b.limit.Burst)
	if !b.last.IsZero() {
		b.tokens = math.Min(size, b.tokens+now.Sub(b.last).Seconds()*b.limit.PerSecond)
	}
	b.last = now
	v := verdict{limit: b.limit, refused: b.tokens < 1}
	if v.refused {
		v.retryAfter = b.fill(1 - b.tokens)
	} else {
		b.tokens--
	}
	v.remaining = int64(b.tokens)
	v.reset = b.fill(size - b.tokens)
	return v
}

// fill returns how long n tokens take. It requires that b.mu is held.
func (b *bucket) fill(n float64) time.Duration {
	return time.Duration(n / b.limit.PerSecond * float64(time.Second))
}

func (v verdict) headers(h http.Header, d Dialect) {
	if v.limit.PerSecond <= 0 {
		return
	}
	if v.limit.Headers && d.Limits != nil {
		d.Limits(h, int64(v.limit.Burst), v.remaining, v.reset)
	}
	if v.refused && v.limit.RetryAfter {
		h.Set("Retry-After", strconv.FormatFloat(math.Ceil(v.retryAfter.Seconds()*1000)/1000, 'f', -1, 64))
	}
}
