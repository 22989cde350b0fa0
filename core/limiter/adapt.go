package limiter

import (
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// growthPause is for how long a vendor in trouble is not asked for more.
const growthPause = 10 * time.Second

// remember takes the tokens of an answer into the average.
func (l *Limiter) remember(settled [3]int64) {
	for i, n := range settled {
		if l.typical[i] == 0 {
			l.typical[i] = float64(n)
		}
		l.typical[i] += 0.05 * (float64(n) - l.typical[i])
	}
}

// listen takes in what the headers of a reply say.
func (l *Limiter) listen(now time.Time, told *sdk.RateLimit) {
	if told == nil {
		return
	}
	l.meters[0].read(now, told.Requests)
	if l.deaf {
		return
	}
	l.meters[1].read(now, told.Tokens)
	l.meters[2].read(now, told.InputTokens)
	l.meters[3].read(now, told.OutputTokens)
	for i := range l.tokens {
		if m := &l.meters[i+1]; m.rate(now) > 0 {
			l.tokens[i].follow(now, m.rate(now)*l.share, m.limit)
		}
	}
}

// adapt sets the rate: what the controller has found, but never above what the
// headers allow. Until something is refused the headers are trusted at once.
func (l *Limiter) adapt(now time.Time) {
	c := l.adaptive
	if c == nil {
		return
	}
	told := l.meters[0].rate(now) * l.share
	inTokens := l.toldInTokens(now)
	c.grow(now, told > 0 || inTokens > 0)
	rate := c.rate
	switch {
	case told > 0 && c.ceiling == 0:
		rate = told
	case told > 0:
		rate = min(rate, told)
	case inTokens > 0 && c.ceiling == 0:
		// The ledger keeps the pace; requests only must not be in its way.
		rate = max(rate, 2*inTokens)
	}
	if rate != c.start {
		l.requests.pace(now, rate)
	}
}

// toldInTokens returns the rate of requests that fits what the headers say of
// tokens, 0 if they say nothing.
func (l *Limiter) toldInTokens(now time.Time) float64 {
	rate := 0.0
	for i := range l.tokens {
		if r := l.meters[i+1].rate(now) * l.share / max(1, l.typical[i]); r > 0 && (rate == 0 || r < rate) {
			rate = r
		}
	}
	return rate
}
