package limiter

import (
	"math"
	"time"
)

// The behaviour of a controller.
const (
	// growth before the first refusal, a second, and its bound: a multiple of
	// what was delivered lately.
	earlyGrowth = 1.3
	earlyBound  = 2.0
	earlySpan   = 10 // seconds
	// leap is how much less has to come through after a loss than before it
	// to be taken for the vendor's rate, while that is still unknown.
	leap = 0.6

	// cut is what is left of the rate after a refusal.
	cut = 0.93
	// recovery is the growth after a cut, a second, up to plateau times the
	// rate at which the refusal came.
	recovery = 1.01
	// searching is the growth while the ceiling is only a guess.
	searching = 1.02
	// guided is the growth where headers say how far it may go.
	guided  = 1.015
	plateau = 0.96
	// After hold on the plateau the rate grows again: slowly past the old
	// ceiling, then faster once that is left behind.
	hold     = time.Minute
	probing  = 1.001
	leftover = 1.1

	// lowest is the slowest rate that a controller goes down to.
	lowest = 1.0 / 60
)

// A controller finds a rate that a vendor accepts, from refusals alone. It
// grows until the first one, cuts once for all the refusals of one loss, and
// then stays a little below the rate at which the loss came.
type controller struct {
	rate    float64
	start   float64
	ceiling float64 // the rate at which refusals came; 0: not known
	sure    bool    // the ceiling was measured over a full history

	told  bool // headers bound the rate
	noise noise

	delivered history
	lastCut   time.Time
	sinceCut  float64       // delivered since
	probed    time.Duration // of the gate, until then
	stepped   time.Time     // when grow was last called
	paused    time.Time     // no growth before
}

// grow brings the rate up to date. Told says that headers bound it.
func (c *controller) grow(now time.Time, told bool) {
	c.told = told
	if c.stepped.IsZero() {
		c.stepped = now
		return
	}
	elapsed := now.Sub(c.stepped).Seconds()
	if elapsed < 0.1 {
		return
	}
	c.stepped = now
	if now.Before(c.paused) {
		return
	}
	elapsed = min(elapsed, 1) // idle time is no reason to grow
	factor := 1.0
	switch known := c.ceiling > 0; {
	case !known:
		factor = earlyGrowth
	case told:
		factor = guided
	case c.noise.share > 0:
		factor = searching
	case !c.sure && c.rate < plateau*c.ceiling:
		factor = searching
	case !c.sure || c.rate < plateau*c.ceiling || c.rate > leftover*c.ceiling:
		factor = recovery
	case now.Sub(c.lastCut) > hold:
		factor = probing
	}
	next := c.rate * (1 + (factor-1)*elapsed)
	if !told && c.noise.share == 0 && c.sure && c.rate < plateau*c.ceiling {
		next = min(next, plateau*c.ceiling)
	}
	// What was not used was not tried.
	most := max(c.start, earlyBound*c.delivered.rate(now, earlySpan))
	if next > c.rate {
		c.rate = max(c.rate, min(next, most))
	}
}

// accepted notes an answer.
func (c *controller) accepted(now time.Time) {
	c.delivered.add(now, 1)
	c.sinceCut++
	c.noise.accepted++
}

// refused notes a refusal of a call that was sent at a time and a rate. All refusals of
// calls sent before a cut belong to the loss that the cut was for. Probed is how
// long it took, up to now, to find out when the vendor answers again.
func (c *controller) refused(now, sent time.Time, rate float64, probed time.Duration) {
	if !c.lastCut.IsZero() && !sent.After(c.lastCut) {
		return
	}
	known := c.delivered.full(now)
	if !c.told && !c.lastCut.IsZero() && (c.sinceCut < 3 || known && c.sinceCut < c.rate) {
		return // hardly anything came through since the cut: still the same loss
	}
	if !c.told && c.noise.explains(c.sure && rate < 1.01*plateau*c.ceiling) {
		return
	}
	measured := rate
	if known {
		measured = c.delivered.rate(now, earlySpan)
		if minute := c.delivered.rate(now, span); measured > 1.15*minute {
			// Far above what came through in a minute: the vendor counts per
			// minute, and the minute is what it grants.
			measured = minute
		}
	}
	if since := (now.Sub(c.lastCut) - (probed - c.probed)).Seconds(); !known && !c.lastCut.IsZero() && since >= 1 && c.sinceCut/since < leap*measured {
		// Far less came through since the last cut: what did before was saved
		// up, and this is what the vendor grants.
		measured = c.sinceCut / since
	}
	// Twice the same, some time apart, is as good as a minute.
	agreed := now.Sub(c.lastCut) > 5*time.Second && math.Abs(measured-c.ceiling) < 0.1*c.ceiling
	measured = max(lowest, min(c.rate, measured), c.rate/2)
	c.rate = max(lowest, cut*measured)
	if c.sure && measured < c.ceiling {
		// A refusal below the old ceiling may be bad luck, such as a few large
		// queries in a row.
		measured = (measured + c.ceiling) / 2
	}
	c.ceiling = measured
	c.sure = known || agreed
	c.lastCut, c.sinceCut, c.probed = now, 0, probed
}
