package limiter

import "time"

var ledgerNames = [3]string{"", "prompt ", "completion "}

// A ledger is a token bucket with what x/time/rate lacks: amounts that are
// given back, corrected afterwards, or larger than the bucket. The zero value
// has no limit.
//
// It holds one second's worth. An amount above that is let through when the
// ledger is full and takes it into debt, which the next ones wait for.
type ledger struct {
	perMinute int64
	level     float64 // may be negative: debt
	at        time.Time
}

func newLedger(perMinute int64) ledger {
	g := ledger{perMinute: perMinute}
	g.level = g.capacity()
	return g
}

func (g *ledger) rate() float64     { return float64(g.perMinute) / 60 }
func (g *ledger) capacity() float64 { return max(1, g.rate()) }

// advance fills the ledger up to now.
func (g *ledger) advance(now time.Time) {
	if !g.at.IsZero() {
		g.level = min(g.capacity(), g.level+now.Sub(g.at).Seconds()*g.rate())
	}
	g.at = now
}

// follow takes over an allowance per second that was learned.
func (g *ledger) follow(now time.Time, perSecond float64) {
	g.advance(now)
	g.perMinute = max(1, int64(perSecond*60))
	g.level = min(g.level, g.capacity())
}

// ready returns when n tokens may be taken: now, or later.
func (g *ledger) ready(now time.Time, n int64) time.Time {
	if g.perMinute == 0 || n == 0 {
		return now
	}
	g.advance(now)
	missing := min(float64(n), g.capacity()) - g.level
	if missing <= 1e-6 {
		return now
	}
	return now.Add(time.Duration(missing/g.rate()*float64(time.Second)) + 1)
}

// add gives n tokens back, or takes them if n is negative.
func (g *ledger) add(now time.Time, n int64) {
	if g.perMinute == 0 || n == 0 {
		return
	}
	g.advance(now)
	g.level = min(g.capacity(), g.level+float64(n))
}
