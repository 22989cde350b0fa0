package limiter

import (
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// The waits between probes of a vendor that refuses without saying for how
// long.
const (
	firstProbe = 500 * time.Millisecond
	lastProbe  = 15 * time.Second
)

// A gate closes a lane after a refusal: for the time that the vendor asked
// for, or, without one, until a single call at a time finds it open again. The
// zero value is open.
type gate struct {
	until    time.Time // closed before
	interval time.Duration
	probing  bool // only single calls until one succeeds
	out      bool // one of them is under way
	since    time.Time
}

// ready returns when the gate may be passed: now, or later. It returns the
// zero time if that depends on the probe under way.
func (g *gate) ready(now time.Time) (at time.Time, open bool) {
	switch {
	case now.Before(g.until):
		return g.until, false
	case g.probing && g.out:
		return time.Time{}, false
	}
	return now, true
}

// pass registers a call that ready has let through, and reports whether it is
// a probe.
func (g *gate) pass() bool {
	g.out = g.probing
	return g.probing
}

// refused closes the gate. Calls that were sent before the gate closed add
// nothing to what is known, unless they ask for a longer pause.
func (g *gate) refused(now time.Time, p Pass, retryAfter *time.Duration) {
	if p.probe {
		g.out = false
	}
	if retryAfter != nil && *retryAfter > 0 {
		if until := now.Add(*retryAfter); until.After(g.until) {
			g.until = until
		}
		if p.probe || !g.probing {
			g.probing, g.interval = false, 0
		}
		g.since = now
		return
	}
	if p.at.Before(g.since) || g.probing && !p.probe {
		return
	}
	g.since = now
	g.probing = true
	g.interval = min(max(2*g.interval, firstProbe), lastProbe)
	if until := now.Add(g.interval); until.After(g.until) {
		g.until = until
	}
}

// answered opens the gate if a probe got through.
func (g *gate) answered(p Pass) {
	if p.probe || !p.at.Before(g.since) {
		g.probing, g.out, g.interval = false, false, 0
	}
}

// lost is for a call that says nothing about the vendor, such as a canceled
// one: the next call may probe again.
func (g *gate) lost(p Pass) {
	if p.probe {
		g.out = false
	}
}

// refusal reports whether a failure of this kind closes the gate.
func refusal(kind sdk.Kind) bool { return kind == sdk.RateLimited || kind == sdk.Overloaded }
