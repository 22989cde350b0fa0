package executor

import (
	"errors"
	"fmt"
	"iter"

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
	if !r.wanted() {
		return nil
	}
	for q, err := range queries {
		a, err := r.receive(q, err)
		if err != nil {
			return err
		}
		if !r.take(a) {
			return nil
		}
	}
	return nil
}

// wanted reports whether anything is to be read at all.
func (r *run) wanted() bool {
	r.exec.mu.Lock()
	defer r.exec.mu.Unlock()
	if r.ctx.Err() != nil {
		r.exec.noticeEnd(r) // it may be noticed here first
	}
	return !r.ended
}

// An arrival is an item of the input.
type arrival struct {
	task  *task
	wrong *sdk.Error // why it is no query that can be asked; nil: it is one
	skip  bool       // the record has its result
	halt  *halt      // the record failed
}

// receive looks at what the input brought, before the lock is needed. Its error
// is the input's, and ends it.
func (r *run) receive(q sdk.Query, err error) (arrival, error) {
	e := r.exec
	item, isItem := errors.AsType[*sdk.ItemError](err)
	if err != nil && !isItem {
		return arrival{}, err
	}
	a := arrival{task: r.spare}
	if a.task == nil {
		a.task = &task{}
	}
	r.spare = nil
	*a.task = task{index: r.index, run: r, arrived: e.now()}
	r.index++
	if isItem {
		a.task.query = sdk.Query{ID: item.ID, Metadata: item.Metadata}
		if a.wrong = item.Err; a.wrong == nil {
			a.wrong = sdk.Errorf(sdk.GeneratorFailed, "the item failed without saying why")
		}
		return a, nil
	}
	a.task.query = q
	if e.cfg.Recorder != nil && r.input != nil {
		send, err := e.cfg.Recorder.Admit(a.task.index, &a.task.query)
		if err != nil {
			a.halt = &halt{err: fmt.Errorf("record of the run: %w", err), unsent: sdk.Canceled}
		}
		a.skip = !send
	}
	if err := a.task.query.Validate(); err != nil {
		a.wrong = sdk.Errorf(sdk.InvalidRequest, "%w", err)
	}
	return a, nil
}

// take admits an arrival and waits until the window has room for the next. It
// returns false when nothing more is wanted.
func (r *run) take(a arrival) bool {
	r.exec.mu.Lock()
	defer r.exec.mu.Unlock()
	r.admit(a)
	more := r.awaitRoom()
	r.spare = r.exec.takeSpare()
	return more
}

// awaitRoom waits until the window has room. It returns false when nothing
// more is wanted. The lock is held.
func (r *run) awaitRoom() bool {
	for r.held >= r.window && !r.ended {
		r.room.Wait()
	}
	return !r.ended
}

// admit takes a query into the run: from here on it gets exactly one result,
// unless the record says that it has one already. The lock is held.
func (r *run) admit(a arrival) {
	e, t := r.exec, a.task
	if r.ctx.Err() != nil {
		e.noticeEnd(r) // it may be noticed here first, and a query is left out
	}
	switch {
	case a.halt != nil:
		e.halt(r, a.halt)
		return
	case r.ended:
		return
	case a.skip:
		r.totals.SkippedCount++
		r.forecast.plan.Skipped++
		t.ended = true
		e.keepSpare(t)
		return
	}
	r.held++
	r.pending++
	e.seq++
	t.seq = e.seq
	if a.wrong != nil {
		r.forecast.plan.Invalid++
		e.end(t, nil, a.wrong)
		return
	}
	path, err := e.router.Path(&t.query)
	if err == nil {
		r.forecast.add(&t.query, path)
		t.path = path.Stops
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

func isItemError(err error) bool {
	_, ok := errors.AsType[*sdk.ItemError](err)
	return ok
}
