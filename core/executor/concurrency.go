package executor

import (
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// How the concurrency is found.
const (
	// A step is judged over so many answers a slot, so many in all (not while
	// resting) and so long at least.
	stepAnswers  = 3
	leastAnswers = 12
	stepTime     = 200 * time.Millisecond
	// gain is how much more has to come through for a step up to have paid.
	gain = 1.1
	// stride is the factor of a step up, backOff that of a step down.
	stride  = 1.5
	backOff = 0.8
	// Until two steps in a row did not pay, or were too many for the vendor, steps
	// are larger and judged sooner: answers may take half a minute.
	earlyAnswers = 1
	earlyStride  = 2.0
	earlyGain    = 1.3
	// A concurrency that was best is kept for firstRest steps before the next one
	// is tried again, for twice as many each time that this was in vain, and for
	// longestRest at most: once may be an accident.
	firstRest   = 2
	longestRest = 20
)

// concurrency finds how many calls at once bring the most answers: it steps up
// while that pays and then stays, looking again from time to time. Latency
// alone says nothing, since long answers take long; what counts is what comes
// through. Refusals as overloaded step it down if they are many.
//
// Where a rate is the limit the slots are never all taken, and it stays as it
// is.
type concurrency struct {
	slots, most int
	timeout     time.Duration // of a query; none if not above 0
	began       time.Time     // of the present step
	answers     int
	taken       int // of the answers came when all slots were taken
	atOnce      int // of them came in the moment in which the step began
	before      int // slots before the last step up
	rateBefore  float64
	resting     int
	rest        int  // the last one, in steps; 0: a step up has paid since
	found       bool // two steps in a row were in vain, at some time
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
	case out.err.Kind == sdk.Overloaded && t.lane.limiter.InTrouble() && !t.pass.Probe():
		e.auto.overloaded(now, t.pass.Sent())
	}
	e.slots = e.auto.slots
}

// answered notes an answer, and whether all slots were taken until then.
func (c *concurrency) answered(now time.Time, taken bool) {
	c.answers++
	if taken {
		c.taken++
	}
	if c.began.IsZero() {
		c.began = now
	}
	elapsed := now.Sub(c.began)
	if elapsed <= 0 {
		c.atOnce++
	}
	perSlot, factor, pays := earlyAnswers, earlyStride, earlyGain
	if c.found {
		perSlot, factor, pays = stepAnswers, stride, gain
	}
	enough := perSlot * c.slots
	if c.resting == 0 {
		enough = max(enough, leastAnswers)
	}
	if c.answers < enough || elapsed < stepTime {
		return
	}
	rate, full := float64(c.answers-c.atOnce)/elapsed.Seconds(), 2*c.taken > c.answers
	c.begin(now)
	switch {
	case !full:
	case c.resting > 0:
		if c.resting--; c.resting == 0 {
			c.rateBefore = 0
		}
	case c.rateBefore > 0 && rate < pays*c.rateBefore:
		c.settle(c.before)
	default:
		if c.rateBefore > 0 {
			c.rest = 0
		}
		c.before, c.rateBefore = c.slots, rate
		c.slots = max(c.slots, min(c.most, int(float64(c.slots)*factor)+1, c.inTime(rate)))
	}
}

// inTime returns how many calls a server answers at a rate in half the time that a
// query may take: more at once would only wait there, and then time out.
func (c *concurrency) inTime(rate float64) int {
	if c.timeout <= 0 {
		return c.most
	}
	return int(min(float64(c.most), rate*c.timeout.Seconds()/2))
}

// overloaded notes a refusal of a call that was sent at a time: one step down
// for all refusals of one moment.
func (c *concurrency) overloaded(now, sent time.Time) {
	if sent.Before(c.cut) {
		return
	}
	c.cut = now
	c.settle(max(1, int(float64(c.slots)*backOff)))
	c.rateBefore = 0
	c.begin(now)
}

// begin begins a step.
func (c *concurrency) begin(now time.Time) {
	c.began, c.answers, c.taken, c.atOnce = now, 0, 0, 0
}

// settle keeps to a number of slots for some steps.
func (c *concurrency) settle(slots int) {
	c.found = c.found || c.rest > 0
	c.rest = min(max(2*c.rest, firstRest), longestRest)
	c.slots, c.resting = slots, c.rest
}
