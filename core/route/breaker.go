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
	// nextProbe adds what gobreaker lacks: intervals that grow.
	nextProbe time.Time
	interval  time.Duration
	probing   bool
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
	errBroken  = errors.New("broken")
	errNeutral = errors.New("neutral")
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
	case b.probing:
		return false, time.Time{}
	case now.Before(b.nextProbe):
		return false, b.nextProbe
	}
	return true, now
}

// A Call is a call that a breaker watches.
type Call struct {
	breaker *Breaker
	report  func(error)
	probe   bool
}

// Start registers a call that Ready has allowed. [Call.Done] has to be called
// once.
func (b *Breaker) Start() Call {
	report, err := b.circuit.Allow()
	if err != nil {
		return Call{} // only if a call starts that Ready did not allow: it counts for nothing
	}
	probe := b.Open()
	b.probing = b.probing || probe
	return Call{b, report, probe}
}

// Done tells the breaker how the call went.
func (c Call) Done(now time.Time, v Verdict) {
	if c.breaker == nil {
		return
	}
	c.report([...]error{Healthy: nil, Broken: errBroken, Neutral: errNeutral}[v])
	c.breaker.follow(now, v, c.probe)
}

// follow keeps the schedule of probes in step with the circuit's state.
func (b *Breaker) follow(now time.Time, v Verdict, probe bool) {
	if probe {
		b.probing = false
	}
	b.answered = b.answered || v == Healthy
	switch state := b.circuit.State(); {
	case state == gobreaker.StateClosed:
		b.interval, b.probes = 0, 0
	case probe && v == Broken:
		b.probes++
		b.interval = min(2*b.interval, lastProbe)
		b.nextProbe = now.Add(b.interval + 1)
	case state == gobreaker.StateOpen && b.interval == 0:
		b.interval = firstProbe
		// A nanosecond more, because the circuit half-opens after its timeout,
		// not at it.
		b.nextProbe = now.Add(b.interval + 1)
	}
}
