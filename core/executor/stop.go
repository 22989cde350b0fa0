package executor

import (
	"errors"
	"fmt"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// A LanesStoppedError ends a run when no lane is left that could be asked.
// What was not sent can be asked by a later run, with another key or after
// paying the bill.
type LanesStoppedError struct {
	// Last is why the last lane was stopped.
	Last *sdk.Error
}

// Error names the failure that stopped the last lane.
func (e *LanesStoppedError) Error() string {
	return fmt.Sprintf("no lane is left to ask; the last one was stopped by %v", e.Last)
}

// Unwrap returns the last failure.
func (e *LanesStoppedError) Unwrap() error { return e.Last }

// Unsent reports whether a query was not asked because its run ended before: by
// its caller, a deadline, a budget, too many failures, or because no lane was
// left.
func Unsent(r *sdk.Result) bool {
	if r.Attempts > 0 || r.Error == nil {
		return false
	}
	switch r.Error.Kind {
	case sdk.Canceled, sdk.DeadlineExceeded, sdk.BudgetExhausted:
		return true
	case sdk.LaneStopped:
		var none *LanesStoppedError
		return errors.As(r.Error, &none)
	}
	return false
}

// stopLane sends nothing more on a lane. A key that is wrong is wrong for every
// model. Tasks that wait go where else they may; if no lane is left, their runs
// end. The lock is held.
func (e *Executor) stopLane(l *lane, err *sdk.Error, now time.Time) {
	var stopped []*lane
	for _, other := range e.lanes {
		if other == l || other.key.index == l.key.index && err.Kind == sdk.Unauthenticated {
			other.stopped, other.lastErr = err, err
			stopped = append(stopped, other)
		}
	}
	if why := e.noneLeft(); why != nil {
		for _, other := range stopped {
			for _, t := range other.waiting() {
				if t.run.stop == nil {
					e.halt(t.run, why)
				}
			}
		}
	}
	for _, other := range stopped {
		e.evacuate(other, now)
	}
}

// noneLeft returns the halt for runs when every configured lane is stopped, for
// all the models that it was asked for; nil if one is left. The lock is held.
func (e *Executor) noneLeft() *halt {
	var last *sdk.Error
	stopped := make(map[int]bool, len(e.cfg.Lanes))
	for _, l := range e.lanes {
		switch {
		case l.stopped != nil:
			stopped[l.key.index], last = true, l.stopped
		case !l.firstSend.IsZero() || l.load() > 0:
			return nil
		}
	}
	if len(stopped) < len(e.cfg.Lanes) {
		return nil
	}
	return &halt{err: &LanesStoppedError{last}, unsent: sdk.LaneStopped}
}
