package executor

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// An outcome is how one attempt ended.
type outcome struct {
	resp    *sdk.Response // may be there beside an error: a reply cut short
	err     *sdk.Error    // nil: answered
	latency time.Duration
	usage   *sdk.Usage // nil: not known
	cost    *sdk.Money // nil: not known
	broken  error      // the record could not be written
	unsent  bool       // and so nothing was sent
	noBill  bool       // the provider says that it did not reach the vendor
	repair  *sdk.Query // asks for a better reply than resp
}

// attempt makes one call and fills in out. It runs without the lock; t is the
// worker's.
func (e *Executor) attempt(t *task, out *outcome) {
	if e.cfg.Recorder == nil || t.run.input == nil {
		e.call(t, out)
		return
	}
	started := e.recordStart(t, out)
	if out.unsent {
		return
	}
	e.call(t, out)
	e.recordEnd(t, started, out)
}

// recordStart tells the record of the call that is about to be made, and
// returns when that was. A call that it does not know of is not made.
func (e *Executor) recordStart(t *task, out *outcome) time.Time {
	record := t.attempt(time.Now())
	record.Reserved, record.ReservedTokens = t.lane.most(&t.query)
	if err := e.cfg.Recorder.AttemptStarted(record); err != nil {
		out.err = sdk.Errorf(sdk.Canceled, "not sent: the record of the run could not be written: %w", err)
		out.broken, out.unsent = err, true
	}
	return record.Started
}

// recordEnd tells the record what became of a call.
func (e *Executor) recordEnd(t *task, started time.Time, out *outcome) {
	record := t.attempt(started)
	record.Duration, record.Cost = out.latency, out.cost
	if n, known := out.tokens(); known {
		record.Tokens = &n
	}
	if out.resp != nil {
		record.ModelServed, record.RequestID = out.resp.ModelServed, out.resp.RequestID
	}
	if out.err != nil {
		record.Kind = out.err.Kind
		if out.err.RequestID != "" {
			record.RequestID = out.err.RequestID
		}
	}
	out.broken = e.cfg.Recorder.AttemptEnded(record)
}

// attempt returns what names the attempt under way.
func (t *task) attempt(started time.Time) sdk.Attempt {
	return sdk.Attempt{
		Index: t.index, QueryID: t.query.ID, Number: t.attempts,
		Lane: t.lane.Name, Model: t.lane.key.model, Started: started,
	}
}

// call asks the provider and makes sense of what it returns.
func (e *Executor) call(t *task, out *outcome) {
	l := t.lane
	own := t.query.Model
	t.query.Model = l.key.model
	began := e.now()
	resp, err := guard(t.worker.ctx, l.Provider, &t.query)
	out.latency = time.Since(began)
	t.query.Model = own // another lane may have another one
	out.resp, out.err = l.read(resp, err)
	if out.resp != nil {
		if out.resp.Latency == 0 {
			out.resp.Latency = out.latency
		}
		out.usage = out.resp.Usage
	} else if out.err != nil {
		out.usage = out.err.Usage
	}
	if out.err != nil && t.worker.ctx.Err() != nil && out.resp == nil {
		out.noBill = out.err.Kind == sdk.Unreachable
		out.err = t.interrupted(e, out.err)
	}
	if out.err == nil && e.cfg.Checker != nil && t.query.ResponseFormat != nil {
		out.err, out.repair = e.check(&t.query, out.resp)
	}
	out.cost = e.costOf(l, out)
	if out.resp != nil {
		out.resp.Cost = out.cost
	}
}

// guard calls the provider and turns a panic into an error.
func guard(ctx context.Context, p sdk.Provider, q *sdk.Query) (resp *sdk.Response, err error) {
	defer func() {
		if r := recover(); r != nil {
			resp, err = nil, sdk.Errorf(sdk.Internal, "the provider panicked: %v\n%s", r, debug.Stack())
		}
	}()
	return p.Complete(ctx, q)
}

// check lets the Checker look at an answer. It returns what is wrong and the
// query that asks for a better one.
func (e *Executor) check(q *sdk.Query, resp *sdk.Response) (problem *sdk.Error, repair *sdk.Query) {
	defer func() {
		if r := recover(); r != nil {
			problem, repair = sdk.Errorf(sdk.Internal, "the check of the reply panicked: %v", r), nil
		}
	}()
	if problem = e.cfg.Checker.Check(q, resp); problem == nil {
		return nil, nil
	}
	problem.Provider = resp.Provider
	return problem, e.cfg.Checker.Repair(q, resp, problem)
}

// read sorts out what a provider returned: every outcome other than a whole
// answer is an error with its kind. The error is a copy, since a provider may
// return the same one twice.
func (l *lane) read(resp *sdk.Response, err error) (*sdk.Response, *sdk.Error) {
	if err != nil {
		failed := *sdk.AsError(err, sdk.Internal)
		if failed.Kind == "" {
			failed.Kind = sdk.Internal
		}
		failed.Provider = l.Name
		return nil, &failed
	}
	if resp == nil {
		return nil, &sdk.Error{Kind: sdk.Internal, Provider: l.Name, Message: "the provider returned neither a response nor an error"}
	}
	resp.Provider = l.Name
	if resp.Model == "" {
		resp.Model = l.key.model
	}
	failed := func(kind sdk.Kind, message string) *sdk.Error {
		return &sdk.Error{Kind: kind, Message: message, Provider: l.Name, RequestID: resp.RequestID}
	}
	switch resp.FinishReason {
	case sdk.Length:
		return resp, failed(sdk.Truncated, "the reply was cut short by its length: raise max_tokens")
	case sdk.Filtered:
		return resp, failed(sdk.ContentFiltered, "the reply was withheld by the vendor's content filter")
	case sdk.Refusal:
		return resp, failed(sdk.Refused, "the model declined to answer")
	}
	return resp, nil
}

// interrupted is the error of a call that ended because its context was done.
func (t *task) interrupted(e *Executor, err *sdk.Error) *sdk.Error {
	kind, why, under := sdk.DeadlineExceeded, fmt.Sprintf("no answer within %v", e.cfg.QueryTimeout), error(err)
	if cause := context.Cause(t.run.ctx); cause != nil {
		why, under = cause.Error(), errors.Join(cause, err)
		if sdk.KindOf(cause) != sdk.DeadlineExceeded {
			kind = sdk.Canceled
		}
	}
	return &sdk.Error{Kind: kind, Provider: err.Provider, Message: "the call was ended: " + why, Usage: err.Usage, RequestID: err.RequestID, Cause: under}
}
