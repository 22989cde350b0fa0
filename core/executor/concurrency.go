package executor

import (
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// How the concurrency is found.
const (
	// A step is judged over so many answers a slot, and so long at least.
	stepAnswers = 3
	stepTime    = 200 * time.Millisecond
	// gain is how much more has to come through for a step up to have paid.
	gain = 1.1
	// stride is the factor of a step up, backOff that of a step down.
	stride  = 1.5
	backOff = 0.8
	// rest is for how many steps a concurrency that was best is kept before
	// the next one is tried again.
	rest = 20
	// firstRest is the same after an overload, until a second one says that the
	// first was no accident.
	firstRest = 2
)

// concurrency finds how many calls at once bring the most answers: it steps up
// while that pays and then stays, looking again from time to time. Latency
// alone says nothing, since long answers take long; what counts is what comes
// through. Refusals as overloaded step it down.
//
// Where a rate is the limit the slots are never all taken, and it stays as it
// is.
type concurrency struct {
	slots, most int
	began       time.Time // of the present step
	answers     int
	taken       bool // all slots were taken at some time
	before      int  // slots before the last step up
	rateBefore  float64
	resting     int
	wary        int // for how long it rested after the last overload
	cut         time.Time
}

// findSlots lets the search for the best concurrency learn from an outcome. The
// lock is held.
func (e *Executor) findSlots(t *task, out *outcome, now time.Time) {
	if e.auto == nil {
		return
	}
	switch {
	case out.err == nil:
		e.auto.answered(now, e.busy())
	case out.err.Kind == sdk.Overloaded && t.lane.limiter.InTrouble():
		e.auto.overloaded(now, t.pass.Sent())
	}
	e.slots = e.auto.slots
}

// answered notes an answer, and whether all slots were taken until then.
func (c *concurrency) answered(now time.Time, taken bool) {
	c.answers++
	c.taken = c.taken || taken
	if c.began.IsZero() {
		c.began = now
	}
	elapsed := now.Sub(c.began)
	if c.answers < stepAnswers*c.slots || elapsed < stepTime {
		return
	}
	rate, full := float64(c.answers)/elapsed.Seconds(), c.taken
	c.began, c.answers, c.taken = now, 0, false
	switch {
	case !full:
	case c.resting > 0:
		if c.resting--; c.resting == 0 {
			c.rateBefore = 0
		}
	case c.rateBefore > 0 && rate < gain*c.rateBefore:
		c.slots, c.resting = c.before, rest
	default:
		if c.rateBefore > 0 {
			c.wary = 0
		}
		c.before, c.rateBefore = c.slots, rate
		c.slots = min(c.most, int(float64(c.slots)*stride)+1)
	}
}

// overloaded notes a refusal of a call that was sent at a time: one step down
// for all refusals of one moment.
func (c *concurrency) overloaded(now, sent time.Time) {
	if sent.Before(c.cut) {
		return
	}
	c.cut = now
	c.slots = max(1, int(float64(c.slots)*backOff))
	c.wary = min(max(2*c.wary, firstRest), rest)
	c.before, c.rateBefore, c.resting = c.slots, 0, c.wary
	c.began, c.answers, c.taken = now, 0, false
}
