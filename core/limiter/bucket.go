package limiter

import (
	"time"

	"golang.org/x/time/rate"
)

// guard is the part of a configured rate that is used. Two sends that start
// exactly one period apart can arrive closer together than that, and a vendor
// that counts exactly at the limit refuses the second.
const guard = 0.99

// A bucket is the token bucket of requests. The zero value has no limit.
type bucket struct {
	lim *rate.Limiter // nil: no limit
}

func newBucket(perSecond float64, burst int) bucket {
	if perSecond <= 0 {
		return bucket{}
	}
	return bucket{rate.NewLimiter(rate.Limit(perSecond*guard), max(1, burst))}
}

func (b *bucket) set(now time.Time, perSecond float64, burst int) {
	if perSecond <= 0 || b.lim == nil {
		*b = newBucket(perSecond, burst)
		return
	}
	b.lim.SetLimitAt(now, rate.Limit(perSecond*guard))
	b.lim.SetBurstAt(now, max(1, burst))
}

// pace follows a rate that was learned: without a burst, and without the
// guard, because what is learned is what the vendor was seen to accept.
func (b *bucket) pace(now time.Time, perSecond float64) {
	if b.lim == nil {
		b.lim = rate.NewLimiter(rate.Limit(perSecond), 1)
		return
	}
	b.lim.SetLimitAt(now, rate.Limit(perSecond))
	if b.lim.Burst() != 1 {
		b.lim.SetBurstAt(now, 1)
	}
}

// rate returns the rate that is kept, 0 without one.
func (b *bucket) rate() float64 {
	if b.lim == nil {
		return 0
	}
	return float64(b.lim.Limit())
}

// take pays for one send at now and returns now, or returns the time at which
// to ask again. It reserves nothing ahead: x/time/rate would keep a reserved
// slot at its planned time even if the send before it was late, and two sends
// would come closer together than the rate allows.
func (b *bucket) take(now time.Time) time.Time {
	if b.lim == nil || b.lim.AllowN(now, 1) {
		return now
	}
	missing := 1 - b.lim.TokensAt(now)
	wait := time.Duration(missing / float64(b.lim.Limit()) * float64(time.Second))
	return now.Add(wait + 1) // rounded up, so that the token is there
}
