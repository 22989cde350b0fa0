package executor

import (
	"sync"

	"github.com/cortexlinux/cortex-host/sdk"
)

// A delivery hands the results of a run to callback and sink, one at a time.
//
// Whoever has made a result delivers it: usually the worker whose call it was,
// before it takes its next task. So nothing is handed from goroutine to
// goroutine, and a sink that is slow slows the sending down by itself. While
// somebody is at it, others leave their results to him.
type delivery struct {
	sink   func(sdk.Result) error // nil: drop
	failed error                  // the sink's
	panic  any                    // the sink's

	// The executor's lock guards what follows.
	results []sdk.Result // to be delivered
	spare   []sdk.Result // for the next ones
	busy    bool         // somebody is at it
	news    sync.Cond    // Run waits here for results that nobody delivers, or the end
}

// deliver hands on the results of r, until there are none. The lock is held,
// but not while callback and sink are called.
func (e *Executor) deliver(r *run) {
	d := &r.delivery
	if d.busy {
		return
	}
	d.busy = true
	for len(d.results) > 0 {
		batch := d.results
		d.results = d.spare[:0]
		e.mu.Unlock()
		for i := range batch {
			r.hand(&batch[i])
		}
		e.mu.Lock()
		for i := range batch {
			r.totals.add(&batch[i])
			if batch[i].Attempts > 0 {
				e.undelivered--
			}
		}
		r.held -= len(batch)
		if r.held <= r.window-r.stride {
			r.room.Signal()
		}
		clear(batch)
		d.spare = batch
	}
	d.busy = false
	if r.over() {
		d.news.Signal()
	}
}

// over reports whether all results are delivered and no more will come. The
// lock is held.
func (r *run) over() bool {
	return r.ended && r.pending == 0 && len(r.delivery.results) == 0 && !r.delivery.busy
}

// awaitEnd waits for the end of the run and delivers what nobody else does.
func (r *run) awaitEnd() {
	e := r.exec
	e.mu.Lock()
	for !r.over() {
		if len(r.delivery.results) > 0 && !r.delivery.busy {
			e.deliver(r)
			e.wake()
			continue
		}
		r.delivery.news.Wait()
	}
	thrown := r.delivery.panic
	e.mu.Unlock()
	if thrown != nil {
		panic(thrown)
	}
}

// hand gives one result to callback and sink.
func (r *run) hand(result *sdk.Result) {
	r.callback(result)
	d := &r.delivery
	if d.sink == nil || d.failed != nil || d.panic != nil {
		return
	}
	defer func() {
		if d.panic = recover(); d.panic != nil {
			r.cancel(errSinkPanicked)
		}
	}()
	if d.failed = d.sink(*result); d.failed != nil {
		r.cancel(d.failed)
	}
}

// callback calls OnResult. Its panic is the query's failure: the answer stays,
// but the program was not told of it.
func (r *run) callback(result *sdk.Result) {
	if r.exec.cfg.OnResult == nil {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			result.Error = sdk.Errorf(sdk.Internal, "the OnResult callback panicked: %v", p)
		}
	}()
	r.exec.cfg.OnResult(*result)
}
