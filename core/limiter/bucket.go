package limiter

import (
	"time"

	"golang.org/x/time/rate"
)

// guard is the part of a configured rate that is used in the long run. Two
// sends that start exactly one period apart can arrive closer together than
// that, and a vendor that counts exactly at the limit refuses the second.
const guard = 0.99

// A bucket is the token bucket of requests. The zero value has no limit.
//
// A send that comes late does not let the next one come early: that would
// break the promise. But what lateness costs may be made good out of the
// guard, at the full rate. So there are two buckets: one keeps the promise,
// the other, with room for one send more, keeps the guard.
type bucket struct {
	promise *rate.Limiter // nil: no limit
	guarded *rate.Limiter
}

func newBucket(perSecond float64, burst int) bucket {
	if perSecond <= 0 {
		return bucket{}
	}
	burst = max(1, burst)
	return bucket{rate.NewLimiter(rate.Limit(perSecond), burst), rate.NewLimiter(rate.Limit(perSecond*guard), burst+1)}
}

func (b *bucket) set(now time.Time, perSecond float64, burst int) {
	if perSecond <= 0 || b.promise == nil {
		*b = newBucket(perSecond, burst)
		return
	}
	burst = max(1, burst)
	b.change(now, perSecond, perSecond*guard, burst)
}

// catchUp is how much faster than a learned rate lateness may be made good.
const catchUp = 1.02

// pace follows a rate that was learned: without a burst, and without the
// guard, because what is learned is what the vendor was seen to accept.
func (b *bucket) pace(now time.Time, perSecond float64) {
	if b.promise == nil {
		*b = newBucket(perSecond, 1)
	}
	b.change(now, perSecond*catchUp, perSecond, 1)
}

func (b *bucket) change(now time.Time, perSecond, guarded float64, burst int) {
	b.promise.SetLimitAt(now, rate.Limit(perSecond))
	b.guarded.SetLimitAt(now, rate.Limit(guarded))
	if b.promise.Burst() != burst {
		b.promise.SetBurstAt(now, burst)
		b.guarded.SetBurstAt(now, burst+1)
	}
}

// rate returns the rate that is kept, 0 without one.
func (b *bucket) rate() float64 {
	if b.promise == nil {
		return 0
	}
	return float64(b.guarded.Limit())
}

// burst returns how many sends may follow each other at once.
func (b *bucket) burst() float64 {
	if b.promise == nil {
		return 0
	}
	return float64(b.promise.Burst())
}

// take pays for one send at now and returns now, or returns the time at which
// to ask again. It reserves nothing ahead: x/time/rate would keep a reserved
// slot at its planned time even if the send before it was late, and two sends
// would come closer together than the rate allows.
func (b *bucket) take(now time.Time) time.Time {
	if b.promise == nil {
		return now
	}
	at := now
	for _, lim := range []*rate.Limiter{b.promise, b.guarded} {
		if missing := 1 - lim.TokensAt(now); missing > 1e-9 {
			wait := time.Duration(missing / float64(lim.Limit()) * float64(time.Second))
			// Rounded up, so that the token is there.
			if t := now.Add(wait + 1); t.After(at) {
				at = t
			}
		}
	}
	if at.After(now) || !b.promise.AllowN(now, 1) {
		return later(at, now.Add(1))
	}
	b.guarded.AllowN(now, 1)
	return now
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
