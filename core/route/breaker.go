package route

import (
	"errors"
	"time"

	"github.com/sony/gobreaker/v2"
)

// When a lane counts as down and how it is looked after then.
const (
	tripAfter  = 5 // failures in a row
	firstProbe = 500 * time.Millisecond
	lastProbe  = 15 * time.Second
)

// A Breaker stops a lane that fails again and again: after five failures in a
// row it opens, and from then on single probes, at growing intervals, find out
// when the lane is back. It keeps an outage from being paid for query by query.
//
// It is not safe for concurrent use.
type Breaker struct {
	circuit *gobreaker.TwoStepCircuitBreaker[struct{}]
	// era counts the times that the circuit opened or closed: a call that was
	// sent in an earlier one says nothing about this one.
	era      int
	failures bool // the circuit has some to count, or forget
	// nextProbe adds what gobreaker lacks: intervals that grow.
	nextProbe time.Time
	interval  time.Duration
	report    func(error) // of the probe under way; nil: there is none
	probes    int
	answered  bool
}

// A Verdict is how a call went, as far as a breaker is concerned.
type Verdict int

// The verdicts.
const (
	// Healthy: the other side answered, be it with a refusal.
	Healthy Verdict = iota
	// Broken: it did not answer, or made no sense.
	Broken
	// Neutral: the call says nothing about the lane, such as a canceled one.
	Neutral
)

var (
	errNeutral = errors.New("neutral")
	verdicts   = [...]error{Healthy: nil, Broken: errors.New("broken"), Neutral: errNeutral}
)

// NewBreaker returns a closed breaker.
func NewBreaker() *Breaker {
	return &Breaker{circuit: gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		MaxRequests: 1,
		Timeout:     firstProbe,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= tripAfter },
		IsExcluded:  func(err error) bool { return errors.Is(err, errNeutral) },
	})}
}

// Open reports whether the lane counts as down.
func (b *Breaker) Open() bool { return b.interval > 0 }

// Hopeless reports whether the lane is down, never answered and did not answer
// several probes either: more likely a wrong address than an outage.
func (b *Breaker) Hopeless() bool { return b.Open() && !b.answered && b.probes >= tripAfter-1 }

// Ready reports whether a call may start at now. If not, it may at the time
// returned, or, if that is zero, when the probe under way is done.
func (b *Breaker) Ready(now time.Time) (ok bool, at time.Time) {
	switch {
	case !b.Open():
		return true, now
	case b.report != nil:
		return false, time.Time{}
	case now.Before(b.nextProbe):
		return false, b.nextProbe
	}
	return true, now
}

// A Call is a call that a breaker watches.
type Call struct {
	breaker *Breaker
	era     int
	probe   bool
}

// Start registers a call that Ready has allowed. [Call.Done] has to be called
// once.
func (b *Breaker) Start() Call {
	call := Call{breaker: b, era: b.era}
	if b.Open() && b.report == nil {
		report, err := b.circuit.Allow()
		call.probe = err == nil // if not, Ready did not allow it: it counts for nothing
		b.report = report
	}
	return call
}

// Done tells the breaker how the call went.
func (c Call) Done(now time.Time, v Verdict) {
	b := c.breaker
	b.answered = b.answered || v == Healthy
	switch {
	case c.probe:
		report := b.report
		b.report = nil
		report(verdicts[v])
		b.follow(now, v, true)
	case c.era != b.era, b.Open(), v == Neutral, v == Healthy && !b.failures:
		// It says nothing new, as nearly all calls.
	default:
		if report, err := b.circuit.Allow(); err == nil {
			report(verdicts[v])
			b.failures = v == Broken
			b.follow(now, v, false)
		}
	}
}

// follow keeps the schedule of probes in step with the circuit's state.
func (b *Breaker) follow(now time.Time, v Verdict, probe bool) {
	switch state := b.circuit.State(); {
	case state == gobreaker.StateClosed && b.Open():
		b.interval, b.probes, b.failures = 0, 0, false
		b.era++
	case probe && v == Broken:
		b.probes++
		b.interval = min(2*b.interval, lastProbe)
		b.nextProbe = now.Add(b.interval + 1)
	case state == gobreaker.StateOpen && !b.Open():
		b.era++
		b.interval = firstProbe
		// A nanosecond more, because the circuit half-opens after its timeout,
		// not at it.
		b.nextProbe = now.Add(b.interval + 1)
	}
}
