package limiter

import "time"

// The waits between probes of a vendor that refuses without saying for how
// long.
const (
	firstProbe = 500 * time.Millisecond
	lastProbe  = 15 * time.Second
)

// A probe that is not refused for so long, and for so many times what the
// slowest refusal took, got through. Its answer may take minutes.
const (
	leastPatience = 500 * time.Millisecond
	mostPatience  = time.Minute
	patience      = 4
)

// A gate closes a lane after a refusal: for the time that the vendor asked
// for, or, without one, until a single call at a time finds it open again. The
// zero value is open.
type gate struct {
	until    time.Time // closed before
	interval time.Duration
	probing  bool // only single calls until one gets through
	out      bool // one of them is under way
	sent     time.Time
	since    time.Time
	slowest  time.Duration // refusal since the last answer
	probed   time.Duration // from the last refusal of each closure until it was open
}

// ready returns when the gate may be passed: now, or later. If the probe under
// way has to be answered first, as with a vendor in trouble whose calls may hang,
// it returns the zero time.
func (g *gate) ready(now time.Time, trouble bool) (at time.Time, open bool) {
	at = g.until
	if g.probing && g.out {
		if trouble {
			return time.Time{}, false
		}
		at = later(at, g.sent.Add(min(max(leastPatience, patience*g.slowest), mostPatience)))
	}
	return at, !now.Before(at)
}

// pass registers a call that ready has let through, and reports whether it is
// a probe.
func (g *gate) pass(now time.Time) bool {
	if g.out {
		g.open(now)
	}
	g.out, g.sent = g.probing, now
	return g.probing
}

// refused closes the gate, for as long as the vendor asked for if that is above 0.
// A vendor in trouble is probed after that too. Calls that were sent before the
// gate closed add nothing to what is known, unless they ask for a longer pause.
func (g *gate) refused(now time.Time, p Pass, retryAfter time.Duration, trouble bool) {
	probe := g.probe(p)
	g.lost(p)
	g.slowest = max(g.slowest, now.Sub(p.at))
	if retryAfter > 0 {
		g.until = later(g.until, now.Add(retryAfter))
		if probe || !g.probing {
			g.probing, g.interval = trouble, 0
		}
		g.since = now
		return
	}
	if p.at.Before(g.since) || g.probing && !probe {
		return
	}
	g.since = now
	g.probing = true
	g.interval = min(max(2*g.interval, firstProbe), lastProbe)
	g.until = later(g.until, now.Add(g.interval))
}

// answered opens the gate if the call was sent after it had closed.
func (g *gate) answered(now time.Time, p Pass) {
	g.lost(p)
	if !p.at.Before(g.since) {
		g.open(now)
		g.slowest = 0
	}
}

// open ends the probing.
func (g *gate) open(now time.Time) {
	if g.probing {
		g.probed += now.Sub(g.since)
	}
	g.probing, g.out, g.interval = false, false, 0
}

// lost is for a call that says nothing about the vendor, such as a canceled
// one: the next call may probe again.
func (g *gate) lost(p Pass) {
	if g.probe(p) {
		g.out = false
	}
}

// probe reports whether a call is the probe under way, and not one of before.
func (g *gate) probe(p Pass) bool { return g.out && p.probe && p.at.Equal(g.sent) }
