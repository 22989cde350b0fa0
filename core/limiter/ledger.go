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
	most      int64   // of perMinute, as configured; 0: no bound
	told      int64   // what the vendor says it allows in a minute; 0: nothing
	level     float64 // may be negative: debt
	at        time.Time
	use       Use
}

func newLedger(perMinute int64) ledger {
	g := ledger{perMinute: perMinute, most: perMinute}
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

// follow takes over what a vendor's headers say: an allowance per second for
// now, out of a limit. It never goes above what is configured.
func (g *ledger) follow(now time.Time, perSecond, limit float64) {
	g.advance(now)
	g.perMinute, g.told = max(1, int64(perSecond*60)), int64(limit)
	if g.most > 0 {
		g.perMinute = min(g.perMinute, g.most)
	}
	g.level = min(g.level, g.capacity())
}

// largest returns the most that can ever be taken at once, 0 without a bound.
// The present allowance does not matter: a wait mends that.
func (g *ledger) largest() int64 {
	if g.most == 0 || g.told > 0 && g.told < g.most {
		return g.told
	}
	return g.most
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

// settle turns what was reserved into what was used.
func (g *ledger) settle(now time.Time, reserved, used int64) {
	g.add(now, reserved-used)
	if g.perMinute > 0 {
		g.use.Used += float64(used)
	}
}

// add gives n tokens back, or takes them if n is negative.
func (g *ledger) add(now time.Time, n int64) {
	if g.perMinute == 0 || n == 0 {
		return
	}
	g.advance(now)
	g.level = min(g.capacity(), g.level+float64(n))
}
