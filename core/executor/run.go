package executor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// grace is how long a provider may take to notice that its call is canceled,
// and an input to notice that nobody reads it any more. Then it is left alone:
// its query has ended, what it still does is ignored.
const grace = time.Second

// A run is one call of Run, or one submitted query.
type run struct {
	exec    *Executor
	ctx     context.Context // of the attempts
	cancel  context.CancelCauseFunc
	unwatch func() bool
	window  int
	stride  int // the feeder, once it waits, is woken when so many have left the window
	began   time.Time

	// input is closed when the feeder has left; nil if there is none.
	input chan struct{}
	spare *task // the feeder's, for the next query, or nil

	// The executor's lock guards what follows.
	room     sync.Cond // the feeder waits here while the window is full
	held     int       // queries in the window
	pending  int       // those without a result
	ended    bool      // nothing more is admitted
	delivery delivery
	inputErr error
	stop     *halt       // nil: not stopped
	abandon  *time.Timer // set when ctx is done
	deadline *time.Timer // nil: none
	drain    *time.Timer // set when the run stops early
	index    int64
	totals   Totals
	streak   streak
	forecast forecast
}

// A halt is why a run stopped before its input ended.
type halt struct {
	err    error    // of Run
	unsent sdk.Kind // of the queries that were not sent
}

// ErrDeadline is in the chain of the error of a run that its deadline has
// stopped, and of those of its queries that were not sent or not waited for.
var ErrDeadline = errors.New("the run's deadline")

var (
	errFinished     = errors.New("the run has ended")
	errSinkPanicked = errors.New("the result sink panicked")
)

// An AbortError ends a run in which too many queries in a row failed for good
// in the same way.
type AbortError struct {
	// Failures is how many there were, Last is the last of them.
	Failures int
	Last     *sdk.Error
}

// Error names the failure and what it means for the run.
func (e *AbortError) Error() string {
	return fmt.Sprintf("stopped after %d permanent failures of one kind in a row; the last one: %v", e.Failures, e.Last)
}

// Unwrap returns the last failure.
func (e *AbortError) Unwrap() error { return e.Last }

// begin starts a run that may hold so many queries at once.
func (e *Executor) begin(ctx context.Context, window int, sink func(sdk.Result) error) *run {
	r := &run{exec: e, window: window, stride: min(8, 1+(window-1)/32), began: time.Now()}
	r.delivery.sink = sink
	r.ctx, r.cancel = context.WithCancelCause(ctx)
	r.room.L, r.delivery.news.L = &e.mu, &e.mu
	if e.cfg.Deadline > 0 {
		r.deadline = time.AfterFunc(e.cfg.Deadline, func() {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.halt(r, &halt{err: sdk.Errorf(sdk.DeadlineExceeded, "%w of %v has passed", ErrDeadline, e.cfg.Deadline), unsent: sdk.DeadlineExceeded})
		})
	}
	e.mu.Lock()
	r.forecast = e.newForecast()
	r.spare = e.takeSpare()
	e.runs[r] = struct{}{}
	e.crew.left.Broadcast() // whoever waits for the crew to leave need not
	e.mu.Unlock()
	r.unwatch = context.AfterFunc(r.ctx, r.canceled)
	return r
}

// finish ends a run whose results are delivered, or whose sink panicked, and
// waits for what it started.
func (e *Executor) finish(r *run) {
	r.unwatch()
	r.cancel(nil)
	e.mu.Lock()
	e.halt(r, &halt{err: errFinished, unsent: sdk.Canceled}) // nothing is left, unless the sink panicked
	for _, timer := range []*time.Timer{r.abandon, r.deadline, r.drain} {
		if timer != nil {
			timer.Stop()
		}
	}
	delete(e.runs, r)
	e.dismiss()
	e.mu.Unlock()
	if r.input != nil {
		await(r.input, grace)
	}
}

// await waits for a channel to be closed, but not for ever.
func await(ch <-chan struct{}, most time.Duration) {
	select {
	case <-ch:
		return
	default:
	}
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-ch:
	case <-timer.C:
	}
}

// canceled runs when the run's context is done: by the caller, the deadline or
// the sink's error. Calls under way end by that context; if one does not, its
// query ends without it.
func (r *run) canceled() {
	e := r.exec
	e.mu.Lock()
	defer e.mu.Unlock()
	e.noticeEnd(r)
	r.abandon = time.AfterFunc(grace, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		for _, t := range e.flying {
			if t.run == r && !t.ended {
				e.abandon(t, r.unsentError("the provider did not end the call in time"))
			}
		}
	})
}

// abandon ends a query whose provider does not notice that its call is over.
// The call keeps its slot, and may have been paid for. The lock is held.
func (e *Executor) abandon(t *task, err *sdk.Error) {
	t.billed = t.billed || !t.lane.Free
	e.end(t, nil, err)
}

// noticeEnd halts a run whose context is done. The lock is held.
func (e *Executor) noticeEnd(r *run) {
	cause := context.Cause(r.ctx)
	kind := sdk.Canceled
	if errors.Is(cause, sdk.DeadlineExceeded) {
		kind = sdk.DeadlineExceeded
	}
	e.halt(r, &halt{err: cause, unsent: kind})
}

// halt stops a run: nothing more is read or sent, calls under way go on for a
// while. The lock is held.
func (e *Executor) halt(r *run, why *halt) {
	if r.stop == nil {
		r.stop = why
		if r.ctx.Err() == nil {
			r.drain = time.AfterFunc(max(0, e.cfg.Drain), func() { r.cancel(why.err) })
		}
	}
	r.endInput()
	for _, l := range e.lanes {
		for _, t := range l.waiting() {
			if t.run == r {
				l.forget(t)
				e.end(t, nil, r.unsentError("not sent"))
			}
		}
	}
	r.room.Broadcast()
}

// unsentError is the error of a query that the stop of its run caught.
func (r *run) unsentError(what string) *sdk.Error {
	return sdk.Errorf(r.stop.unsent, "%s: %w", what, r.stop.err)
}

// unsent returns the kind of error of the queries that were not sent.
func (r *run) unsent() sdk.Kind {
	r.exec.mu.Lock()
	defer r.exec.mu.Unlock()
	if r.stop == nil {
		return sdk.Canceled
	}
	return r.stop.unsent
}

// endInput says that nothing more is admitted. The lock is held.
func (r *run) endInput() {
	r.ended = true
	r.delivery.news.Signal()
}

// verdict is the error of the run.
func (r *run) verdict() error {
	r.exec.mu.Lock()
	defer r.exec.mu.Unlock()
	switch {
	case r.delivery.failed != nil:
		return fmt.Errorf("result sink: %w", r.delivery.failed)
	case r.stop != nil && !errors.Is(r.stop.err, errFinished):
		return r.stop.err
	case r.ctx.Err() != nil && r.totals.FailureCount+r.totals.UnsentCount > 0: // while the last calls were under way
		return context.Cause(r.ctx)
	}
	return r.inputErr
}
