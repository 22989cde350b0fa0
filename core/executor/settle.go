package executor

import (
	"time"

	"github.com/cortexlinux/cortex-host/core/limiter"
	"github.com/cortexlinux/cortex-host/core/retry"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/sdk"
)

// settle books an attempt and decides what becomes of its query. The lock is
// held.
func (e *Executor) settle(t *task, out *outcome) {
	now := e.now()
	e.land(t, out, now)
	if t.ended {
		return
	}
	if out.broken != nil {
		e.halt(t.run, &halt{err: out.broken, unsent: sdk.Canceled})
	}
	if out.err == nil {
		e.end(t, out.resp, nil)
		return
	}
	if out.unsent {
		t.attempts--
	} else if out.mayBeBilled() && !t.lane.Free {
		t.billed = true
	}
	verdict := e.policy.Judge(out.err, &t.record, &t.lane.retries)
	e.lookAfter(t.lane, out.err, verdict, now)
	if t.run.stop != nil {
		verdict.Action, verdict.Rule.FallsBack = retry.Fail, false
	}
	switch {
	case out.repair != nil && t.rejected == nil && e.policy.RetryFailed && t.run.stop == nil:
		t.rejected, t.query = out.resp, *out.repair
		if e.place(t, now) != nil {
			e.end(t, nil, out.err)
		}
	case verdict.Action == retry.Again && !e.overdue(t, e.nextChance(t, now.Add(verdict.Wait))):
		t.notBefore = now.Add(verdict.Wait)
		if err := e.place(t, now); err != nil {
			e.end(t, out.resp, out.err)
		}
	case verdict.Action == retry.Again:
		e.fallBack(t, out.resp, e.expired(t, out.err), verdict.Rule, now)
	case verdict.Rule.FallsBack && e.policy.RetryFailed:
		e.fallBack(t, out.resp, out.err, verdict.Rule, now)
	default:
		e.end(t, out.resp, out.err)
	}
}

// nextChance returns when t can be sent again at the soonest: not before its
// lane is open.
func (e *Executor) nextChance(t *task, at time.Time) time.Time {
	if closed := t.lane.limiter.PausedUntil(); closed.After(at) && len(t.path) == 1 {
		return closed
	}
	return at
}

// land takes back what the attempt held: its slot, its reservations, and what
// breaker, limiter and statistics can learn from it.
func (e *Executor) land(t *task, out *outcome, now time.Time) {
	l := t.lane
	learned := limiter.Outcome{Usage: out.usage}
	health := route.Healthy
	if out.err != nil {
		learned.Kind, learned.RetryAfter, learned.RateLimit = out.err.Kind, out.err.RetryAfter, out.err.RateLimit
		health = healthOf(out.err.Kind)
	} else {
		l.retries.Success()
	}
	if out.resp != nil {
		learned.RateLimit = out.resp.RateLimit
	}
	l.limiter.Settle(now, t.pass, learned)
	e.findSlots(t, out, now)
	last := len(e.flying) - 1
	e.flying[t.flight] = e.flying[last]
	e.flying[t.flight].flight = t.flight
	e.flying[last] = nil
	e.flying = e.flying[:last]
	l.stats.occupied(now, l.flying, e.slotsOf(l))
	l.flying--
	l.stats.rest(l.load() == 0)
	l.scouted = true

	l.refuses.observe(out.err, now)
	t.watch.Done(now, health)
	e.budget.Settle(t.hold, t.used(out))
	l.sizes.learn(t.query.PromptBytes(), out.usage)
	l.stats.attempt(out)
	t.run.totals.attempt(out)
}

// healthOf is what a kind of failure says about the lane.
func healthOf(kind sdk.Kind) route.Verdict {
	switch kind {
	case sdk.Unreachable, sdk.InDoubt, sdk.Internal, sdk.DeadlineExceeded:
		return route.Broken
	case sdk.Canceled:
		return route.Neutral
	}
	return route.Healthy
}

// lookAfter does for the lane what a failure asks for: stop it, or move the
// tasks that wait in it because it is down or parked.
func (e *Executor) lookAfter(l *lane, err *sdk.Error, verdict retry.Verdict, now time.Time) {
	l.lastErr = err
	switch open := l.breaker.Open(); {
	case verdict.Action == retry.StopLane:
		e.stopLane(l, err, now)
	case open:
		if l.down.IsZero() {
			l.down = now
		}
		e.evacuate(l, now)
	case verdict.Rule.Pauses && !l.up(now):
		e.evacuate(l, now)
	default:
		l.down = time.Time{}
	}
}

// fallBack sends a query on to the next lane of its path, or ends it. Other
// keys of the same provider are next only if the failure was the key's.
func (e *Executor) fallBack(t *task, resp *sdk.Response, err *sdk.Error, rule retry.Rule, now time.Time) {
	t.visited.Add(t.lane.key.index)
	if !rule.OtherKey {
		for _, i := range t.path[t.stop] {
			t.visited.Add(i)
		}
	}
	t.record = retry.Record{}
	if e.place(t, now) != nil {
		e.end(t, resp, err)
	}
}

// end makes the result of a task that is in no queue. The lock is held.
func (e *Executor) end(t *task, resp *sdk.Response, err *sdk.Error) {
	r := t.run
	t.ended = true
	resp = t.withRejected(resp)
	result := sdk.Result{
		QueryID: t.query.ID, Index: t.index, Metadata: t.query.Metadata,
		Response: resp, Error: err, Attempts: t.attempts,
		Degraded:       resp != nil && t.stop > 0,
		PossiblyBilled: t.billed,
	}
	if t.attempts > 0 {
		result.ExecutionTime = time.Since(t.started)
	}
	if t.lane != nil {
		t.lane.stats.result(&result)
	}
	r.delivery.results = append(r.delivery.results, result)
	if t.attempts > 0 {
		e.undelivered++
	}
	if why := r.streak.add(&result, e.cfg.AbortAfter); why != nil && r.stop == nil {
		e.halt(r, &halt{err: why, unsent: sdk.Canceled})
	}
	r.pending--
	if r != e.settling && !r.delivery.busy {
		r.delivery.news.Signal()
	}
}

// withRejected adds what an earlier reply used, which was not accepted and had
// to be asked for again. Without a new reply the earlier one is kept.
func (t *task) withRejected(resp *sdk.Response) *sdk.Response {
	if t.rejected == nil {
		return resp
	}
	if resp == nil {
		return t.rejected
	}
	if t.rejected.Usage != nil && resp.Usage != nil {
		resp.Usage = new(resp.Usage.Add(*t.rejected.Usage))
	}
	if t.rejected.Cost == nil || resp.Cost == nil {
		resp.Cost = nil
	} else {
		resp.Cost = new(resp.Cost.Add(*t.rejected.Cost))
	}
	return resp
}
