package executor

import (
	"time"

	"github.com/cortexlinux/cortex-host/core/limiter"
	"github.com/cortexlinux/cortex-host/core/price"
	"github.com/cortexlinux/cortex-host/sdk"
)

// What a lane's next task can wait for, beside what the limiter knows.
const (
	// Concurrency: as many calls are under way as there may be.
	Concurrency limiter.Cause = "concurrency"
	// Backoff: every task of the lane waits for its next attempt.
	Backoff limiter.Cause = "backoff"
	// Down: the breaker is open.
	Down limiter.Cause = "provider_down"
	// Money: what is left of the budget is reserved by calls under way.
	Money limiter.Cause = "money"
)

// pick takes out the next task that may be sent now, of the lane whose turn it
// is among those with the most urgent task. If there is none, it sets the
// alarm for the time when there may be one. The lock is held.
func (e *Executor) pick(now time.Time) *task {
	if e.paused || e.busy() {
		return nil
	}
	e.turn++
	for _, l := range e.lanes {
		l.awaken(now)
		l.asked = false
	}
	for {
		l, t := e.nextLane(now)
		if l == nil {
			return nil
		}
		if t.run.ctx.Err() != nil {
			e.noticeEnd(t.run)
			continue
		}
		if err := e.hopeless(l, t, now); err != nil {
			l.forget(t)
			e.end(t, nil, err)
			continue
		}
		wait, ok := e.clear(l, t, now)
		if ok {
			e.launch(l, t, now)
			return t
		}
		l.asked = true
		l.stats.wait(wait.Cause, now)
		if !wait.Until.IsZero() {
			e.alarmAt(wait.Until)
		}
	}
}

// nextLane returns the lane to ask next, and its next task: the most urgent
// task of all lanes that were not yet asked, in turn where several are as
// urgent. A lane whose tasks were overtaken for too long comes first. Lanes
// whose tasks all sleep set the alarm.
func (e *Executor) nextLane(now time.Time) (lane *lane, next *task) {
	for i := range e.lanes {
		l := e.lanes[(i+e.turn)%len(e.lanes)]
		if l.asked {
			continue
		}
		t := l.queue.next(now)
		if t == nil {
			l.asked = true
			if len(l.asleep) == 0 {
				l.stats.wait("", now)
				continue
			}
			l.stats.wait(Backoff, now)
			e.alarmAt(l.asleep[0].notBefore)
			continue
		}
		if next == nil || l.goesBefore(lane, t.query.Priority, next.query.Priority, now) {
			lane, next = l, t
		}
	}
	return lane, next
}

// goesBefore reports whether l, whose next task has the priority mine, has its
// turn before other.
func (l *lane) goesBefore(other *lane, mine, others int, now time.Time) bool {
	if due := l.due(now); due != other.due(now) {
		return due
	}
	return mine > others
}

// due reports whether a task of the lane has waited too long while other lanes
// had their turns.
func (l *lane) due(now time.Time) bool {
	return l.passedOver >= agedTurns && now.Sub(l.queue.oldest.arrived) >= l.queue.ageAfter
}

// hopeless returns why a task can never be sent, nil if it can.
func (e *Executor) hopeless(l *lane, t *task, now time.Time) *sdk.Error {
	if e.overdue(t, now) {
		return e.expired(t, l.lastErr)
	}
	t.hold = price.Hold{}
	if !e.budget.Capped() || l.Free && !e.budget.CapsTokens() {
		return nil
	}
	hold, unbounded := l.bound(&t.query)
	t.hold = hold
	switch {
	case unbounded != nil:
		return new(*unbounded) // others have the same one
	case e.budget.Exceeds(hold):
		return sdk.Errorf(sdk.TooLarge, "the query may cost %v and %d tokens, which is more than the whole budget: lower max_tokens or raise the budget", hold.Cost, hold.Tokens)
	case !l.priced && e.budget.CapsCost():
		return sdk.Errorf(sdk.InvalidRequest, "the price of model %q on lane %q is not known, so a budget cannot hold it: give its price, or use a model with a known one", l.key.model, l.Name)
	}
	return nil
}

// clear asks everything that must agree before t is sent: slot, breaker,
// budget and, last, because it cannot be taken back, the limiter. If not all
// do, clear says what the lane waits for and until when; without a time it is
// for the end of a call.
func (e *Executor) clear(l *lane, t *task, now time.Time) (wait limiter.Wait, ok bool) {
	if l.full() {
		return limiter.Wait{Cause: Concurrency}, false
	}
	if l.flying > 0 && !l.scouted && now.Sub(l.firstSend) < e.cfg.Scout {
		return limiter.Wait{Cause: Concurrency, Until: l.firstSend.Add(e.cfg.Scout)}, false
	}
	if ok, at := l.breaker.Ready(now); !ok {
		return limiter.Wait{Cause: Down, Until: at}, false
	}
	switch e.budget.Reserve(t.hold) {
	case price.Later:
		return limiter.Wait{Cause: Money}, false
	case price.Never:
		e.halt(t.run, &halt{err: sdk.Errorf(sdk.BudgetExhausted, "the budget is used up: %s", e.budget), unsent: sdk.BudgetExhausted})
		return limiter.Wait{Cause: Money}, false
	}
	t.pass, wait = l.limiter.Take(now, l.need(t))
	if wait.Cause != "" {
		e.budget.Settle(t.hold, price.Hold{})
		return wait, false
	}
	return limiter.Wait{}, true
}

// launch takes t out of its queue and counts it as under way.
func (e *Executor) launch(l *lane, t *task, now time.Time) {
	l.queue.send(t)
	for _, other := range e.lanes {
		if other.queue.len() > 0 {
			other.passedOver++
		}
	}
	l.passedOver = 0
	l.stats.occupied(now, l.flying, e.slotsOf(l))
	t.watch = l.breaker.Start()
	t.flight = len(e.flying)
	e.flying = append(e.flying, t)
	l.flying++
	if l.firstSend.IsZero() {
		l.firstSend = now
	}
	t.attempts++
	if t.attempts == 1 {
		t.started = now
	}
	if deadline := t.started.Add(e.cfg.QueryTimeout); e.cfg.QueryTimeout > 0 && (e.watch.IsZero() || deadline.Before(e.watch)) {
		e.watch = deadline
		e.alarmAt(deadline)
	}
	cause := limiter.Cause("")
	if l.queue.len() > 0 && (l.full() || e.busy()) {
		cause = Concurrency
	}
	l.stats.wait(cause, now)
}
