package executor

import (
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// feed reads the input, never further ahead than the window allows.
func (r *run) feed(queries iter.Seq2[sdk.Query, error]) {
	defer close(r.input)
	err := r.read(queries)
	r.exec.mu.Lock()
	defer r.exec.mu.Unlock()
	r.inputErr = err
	r.endInput()
}

// read admits queries until the input ends, fails or is not wanted any more. A
// panic of the input is its failure.
func (r *run) read(queries iter.Seq2[sdk.Query, error]) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the input panicked: %v", p)
		}
	}()
	if !r.awaitRoom() {
		return nil
	}
	for q, err := range queries {
		var item *sdk.ItemError
		switch {
		case err == nil:
			r.admit(q)
		case errors.As(err, &item):
			r.refuse(item)
		default:
			return err
		}
		if !r.awaitRoom() {
			return nil
		}
	}
	return nil
}

// awaitRoom waits until the window has room. It returns false when nothing
// more is wanted.
func (r *run) awaitRoom() bool {
	r.exec.mu.Lock()
	defer r.exec.mu.Unlock()
	for r.held >= r.window && !r.ended {
		r.room.Wait()
	}
	return !r.ended
}

// admit takes a query into the run: from here on it gets exactly one result,
// unless the record says that it has one already.
func (r *run) admit(q sdk.Query) {
	e := r.exec
	index := r.index
	r.index++
	if e.cfg.Recorder != nil && r.input != nil {
		send, err := e.cfg.Recorder.Admit(index, &q)
		if err != nil || !send {
			e.mu.Lock()
			defer e.mu.Unlock()
			if err != nil {
				e.halt(r, &halt{err: fmt.Errorf("record of the run: %w", err), unsent: sdk.Canceled})
				return
			}
			r.totals.SkippedCount++
			r.forecast.plan.Skipped++
			return
		}
	}
	invalid := q.Validate()
	t := &task{query: q, index: index, run: r, arrived: time.Now()}

	e.mu.Lock()
	defer e.mu.Unlock()
	if r.ctx.Err() != nil {
		e.noticeEnd(r) // it may be noticed here first, and a query is left out
	}
	if r.ended {
		return
	}
	r.held++
	r.pending++
	e.seq++
	t.seq = e.seq
	if invalid != nil {
		r.forecast.plan.Invalid++
		e.end(t, nil, sdk.Errorf(sdk.InvalidRequest, "%w", invalid))
		return
	}
	path, err := e.router.Path(&t.query)
	if err == nil {
		r.forecast.add(&t.query, path)
		t.path = path
		err = e.place(t, t.arrived)
	} else {
		r.forecast.plan.Invalid++
	}
	if err != nil {
		if why := e.noneLeft(); why != nil && err.Kind == sdk.LaneStopped {
			e.halt(r, why)
			err = r.unsentError("not sent")
		}
		e.end(t, nil, err)
		return
	}
	e.wake()
}

// refuse makes the result of an input item that is no query.
func (r *run) refuse(item *sdk.ItemError) {
	e := r.exec
	e.mu.Lock()
	defer e.mu.Unlock()
	if r.ended {
		return
	}
	r.held++
	r.pending++
	r.forecast.plan.Invalid++
	t := &task{query: sdk.Query{ID: item.ID, Metadata: item.Metadata}, index: r.index, run: r}
	r.index++
	err := item.Err
	if err == nil {
		err = sdk.Errorf(sdk.GeneratorFailed, "the item failed without saying why")
	}
	e.end(t, nil, err)
}

func isItemError(err error) bool {
	_, ok := errors.AsType[*sdk.ItemError](err)
	return ok
}
