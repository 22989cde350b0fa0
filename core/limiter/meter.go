package limiter

import (
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// How a meter uses what it reads.
const (
	// headroom is the part of a limit that is used.
	headroom = 0.97
	// reserve is the part of an allowance that is kept for what others take
	// and for what is still under way: below it the rate falls in proportion.
	reserve = 0.25
	// slowest is the part of the rate that is left when nothing remains.
	slowest = 0.1
	// evidence is how many readings decide of which sort a limit is.
	evidence = 4
	// stale is how long a reading is good for.
	stale = 2 * time.Minute
	// turns is how many times the longest reset readings have to span to show
	// that nothing resets later than that.
	turns = 3
)

// A meter turns the readings of one limit (limit, remaining, reset) into the
// rate that it allows.
//
// Vendors mean two things by them. A bucket fills all the time, and reset is
// how long it takes to be full: what was used, divided by reset, is the rate.
// A window starts afresh at its reset: what remains has to last until then. In
// a bucket, more used goes with a longer reset; in a window, with a shorter
// one. That tells them apart. Until it does, limits are per minute, as vendors
// quote them; but where every reset is soon over, the limit is for a moment.
type meter struct {
	seen      bool
	first     time.Time
	at        time.Time
	limit     float64
	remaining float64
	reset     time.Duration

	sort     float64       // positive: bucket, negative: window
	most     float64       // used, in the readings behind filling
	filling  float64       // the rate of a bucket; 0: not known
	longest  time.Duration // reset of a window
	restarts int
}

// read takes in one reading. What is not complete is not used.
func (m *meter) read(now time.Time, w sdk.Window) {
	if w.Limit == nil || *w.Limit <= 0 || w.Remaining == nil || w.Reset == nil || *w.Remaining < 0 || *w.Reset < 0 {
		return
	}
	limit, remaining, reset := float64(*w.Limit), float64(*w.Remaining), *w.Reset
	if m.seen && limit != m.limit {
		*m = meter{sort: m.sort}
	}
	used := limit - remaining
	if m.seen {
		du, dr := used-(m.limit-m.remaining), reset-m.reset
		switch {
		case du > 0 && dr > 0, du < 0 && dr < 0:
			m.sort = min(m.sort+1, 2*evidence)
		case du > 0 && dr < 0, du < 0 && dr > 0:
			m.sort = max(m.sort-1, -2*evidence)
		}
		if dr > reset/2 && du < 0 {
			m.restarts++
		}
	}
	if !m.seen {
		m.first = now
	}
	m.longest = max(m.longest, reset)
	// The more is used, the less rounding matters.
	if used >= m.most && precise(reset) {
		m.most, m.filling = used, used/reset.Seconds()
	}
	m.seen, m.at, m.limit, m.remaining, m.reset = true, now, limit, remaining, reset
}

// rate returns the allowed rate per second, 0 if it is not known.
func (m *meter) rate(now time.Time) float64 {
	if !m.seen || now.Sub(m.at) > max(stale, 2*m.reset) {
		return 0
	}
	switch {
	case m.sort >= evidence && m.filling > 0:
		return headroom * m.filling * m.restraint()
	case m.sort <= -evidence:
		period := time.Minute
		if m.longest > period || m.restarts > 1 {
			period = m.longest
		}
		rate := headroom * m.limit / period.Seconds()
		if left := m.reset - now.Sub(m.at); left > 0 {
			rate = min(rate, m.remaining/left.Seconds())
		}
		return max(rate, lowest)
	}
	if m.momentary() {
		moment := m.limit / max(m.longest.Seconds(), 1e-3)
		if m.filling > 0 {
			moment = min(moment, m.filling)
		}
		return headroom * moment * m.restraint()
	}
	// Whatever sort it is, after the reset there is room for one more.
	return max(headroom*m.limit/60*m.restraint(), 1/(m.reset.Seconds()+1))
}

// momentary reports whether the limit is for much less than a minute: a window
// that takes longer would have shown a later reset by now.
func (m *meter) momentary() bool {
	return m.longest < 10*time.Second && m.at.Sub(m.first) >= max(turns*m.longest, time.Second)
}

// precise reports whether a reset is long enough for its rounding not to
// matter: vendors round to milliseconds or to seconds.
func precise(reset time.Duration) bool {
	unit := time.Millisecond
	if reset%time.Second == 0 {
		unit = time.Second
	}
	return reset >= 10*unit
}

// restraint slows down when little remains.
func (m *meter) restraint() float64 {
	return max(slowest, min(1, m.remaining/(reserve*m.limit)))
}
