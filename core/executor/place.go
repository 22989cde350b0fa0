package executor

import (
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// place lets a task wait in the best lane that it may go to, or returns why
// there is none. It is the only way into a queue. The lock is held.
//
// The stops of its path are tried in order. Within a stop, whose lanes share
// the load, the least loaded one is taken. A lane that is down, or closed until
// it is too late, is passed over if a later stop is up; if none is, the task
// waits for the first.
func (e *Executor) place(t *task, now time.Time) *sdk.Error {
	var wait *lane
	var waitStop int
	var refusal *sdk.Error
	for i, stop := range t.path {
		best, err := e.bestOf(stop, t, now)
		if best == nil {
			if refusal == nil {
				refusal = err
			}
			continue
		}
		if best.up(now) && (t.attempts == 0 || !e.overdue(t, best.limiter.PausedUntil())) {
			e.enter(best, i, t, now)
			return nil
		}
		if wait == nil {
			wait, waitStop = best, i
		}
	}
	switch {
	case wait != nil:
	case refusal != nil:
		return refusal
	default:
		return sdk.Errorf(sdk.LaneStopped, "no lane is left to try")
	}
	e.enter(wait, waitStop, t, now)
	return nil
}

// enter puts t into a lane. What another lane asked it to wait for does not
// matter here.
func (e *Executor) enter(l *lane, stop int, t *task, now time.Time) {
	if l != t.lane {
		t.notBefore = time.Time{}
	}
	t.stop = stop
	l.add(t, now)
}

// bestOf returns the lane of a stop that t should wait in: one that is up
// before one that is not, then the least loaded one. If t can go to none of
// them, it returns why.
func (e *Executor) bestOf(stop []int, t *task, now time.Time) (best *lane, refusal *sdk.Error) {
	for _, i := range stop {
		if t.visited.Has(i) {
			continue
		}
		l, err := e.openLane(i, e.cfg.Lanes[i].ModelFor(&t.query))
		if err != nil {
			return nil, sdk.AsError(err, sdk.Internal)
		}
		if !l.usable(now) {
			if refusal == nil {
				refusal = l.refusal()
			}
			continue
		}
		if err := l.limiter.Fits(l.need(t)); err != nil {
			refusal = err
			continue
		}
		if best == nil || l.up(now) && !best.up(now) || l.up(now) == best.up(now) && l.load() < best.load() {
			best = l
		}
	}
	return best, refusal
}

// refusal is the error of a query that cannot be sent on this lane. It says what
// is wrong with the lane: what an earlier attempt of the query may have cost is
// told by PossiblyBilled.
func (l *lane) refusal() *sdk.Error {
	if l.stopped != nil {
		err := sdk.Errorf(sdk.LaneStopped, "not sent: lane %q was stopped by an earlier failure: %w", l.Name, l.stopped)
		err.Provider = l.Name
		return err
	}
	kind := l.lastErr.Kind
	switch kind {
	case sdk.InDoubt, sdk.DeadlineExceeded, sdk.Canceled: // as only a call can be
		kind = sdk.Unreachable
	}
	err := sdk.Errorf(kind, "not sent: lane %q is down; its last failure: %w", l.Name, l.lastErr)
	err.Provider = l.Name
	return err
}

// evacuate finds a new place for every task that waits in a lane, after the
// lane has stopped, gone down or been parked. Those that have nowhere else to
// go stay, if the lane can still be waited for. The lock is held.
func (e *Executor) evacuate(l *lane, now time.Time) {
	hopeless := l.stopped != nil || l.breaker.Hopeless() || e.lostPatience(l, now)
	for _, t := range l.waiting() {
		if t.ended {
			continue // with its run, which one too many of those before it has stopped
		}
		l.forget(t)
		if hopeless {
			t.visited.Add(l.key.index)
		}
		if err := e.place(t, now); err != nil {
			e.end(t, nil, l.refusal())
			continue
		}
		if e.overdue(t, t.lane.limiter.PausedUntil()) {
			t.lane.forget(t)
			e.end(t, nil, e.expired(t, l.lastErr))
		}
	}
}

// lostPatience reports whether a lane has been down for longer than a query
// may take.
func (e *Executor) lostPatience(l *lane, now time.Time) bool {
	return l.breaker.Open() && e.cfg.QueryTimeout > 0 && now.Sub(l.down) > e.cfg.QueryTimeout
}

// overdue reports whether a query that has been sent before would be past its
// deadline at a time.
func (e *Executor) overdue(t *task, at time.Time) bool {
	return t.attempts > 0 && e.cfg.QueryTimeout > 0 && at.Sub(t.started) > e.cfg.QueryTimeout
}

// expired is the error of a query whose deadline leaves no time for another
// attempt.
func (e *Executor) expired(t *task, last *sdk.Error) *sdk.Error {
	if last == nil {
		return sdk.Errorf(sdk.DeadlineExceeded, "no answer within %v", e.cfg.QueryTimeout)
	}
	return sdk.Errorf(sdk.DeadlineExceeded, "no answer within %v; the last failure: %w", e.cfg.QueryTimeout, last)
}
