package executor

import (
	"context"
	"runtime"
	"sync"
	"time"
)

// A crew is the workers of an executor: goroutines that are started when there
// is something to send and nobody idle, and that leave when the last run ends.
// Its executor's lock guards it.
type crew struct {
	working int       // all of them
	idle    int       // those that wait for something to send
	waking  sync.Cond // where they wait
	left    sync.Cond // somebody has left
}

// dismiss sends the crew home if no run is under way, and waits until everyone
// has left but those whose provider ignores that its call was canceled. The
// lock is held.
func (e *Executor) dismiss() {
	if len(e.runs) > 0 {
		return
	}
	if e.timer != nil {
		e.timer.Stop()
		e.alarm, e.watch = time.Time{}, time.Time{}
	}
	e.crew.waking.Broadcast()
	for len(e.runs) == 0 && e.crew.working > len(e.flying) {
		e.crew.left.Wait()
	}
}

// A worker makes calls, one after the other, with one context as long as that
// lasts: a context for each call would cost more than all else here.
type worker struct {
	run    *run
	ctx    context.Context
	cancel context.CancelFunc
}

// take prepares for a task. The lock is held.
func (w *worker) take(t *task) {
	if w.run != t.run || w.ctx.Err() != nil {
		w.leave()
		w.run = t.run
		w.ctx, w.cancel = context.WithCancel(t.run.ctx)
	}
	t.worker = w
}

func (w *worker) leave() {
	if w.cancel != nil {
		w.cancel()
	}
}

// work is the life of a worker.
func (e *Executor) work() {
	var w worker
	defer w.leave()
	e.mu.Lock()
	defer e.mu.Unlock()
	for {
		t := e.next()
		if t == nil {
			e.crew.working--
			e.crew.left.Broadcast()
			return
		}
		w.take(t)
		e.mu.Unlock()
		var out outcome
		e.attempt(t, &out)
		e.mu.Lock()
		r := t.run
		e.settling = r
		e.settle(t, &out)
		e.settling = nil
		e.keepSpare(t)
		e.deliver(r)
	}
}

// next waits for a task that may be sent and takes it. It returns nil when no
// run is under way any more. The lock is held.
func (e *Executor) next() *task {
	for len(e.runs) > 0 {
		if t := e.pick(e.now()); t != nil {
			e.wake() // there may be more to send
			return t
		}
		e.crew.idle++
		e.crew.waking.Wait()
		e.crew.idle--
	}
	return nil
}

// wake gets a worker to look for something to send. The lock is held.
func (e *Executor) wake() {
	switch {
	case len(e.runs) == 0 || e.busy() || !e.anythingQueued():
	case e.crew.idle > 0:
		e.crew.waking.Signal()
	case e.crew.working < e.slots:
		e.crew.working++
		go e.work()
	}
}

// busy reports whether all slots are taken. The lock is held.
func (e *Executor) busy() bool { return len(e.flying)+e.undelivered >= e.slots }

func (e *Executor) anythingQueued() bool {
	for _, l := range e.lanes {
		if l.queue.len()+len(l.asleep) > 0 {
			return true
		}
	}
	return false
}

// maxLead bounds how long before its time the alarm is set off.
const maxLead = time.Millisecond

// alarmAt makes sure that a worker wakes at a time. The lock is held.
func (e *Executor) alarmAt(at time.Time) {
	if !e.alarm.IsZero() && !at.Before(e.alarm) {
		return
	}
	e.alarm = at
	wait := time.Until(at) - e.lead
	if e.timer == nil {
		e.timer = time.AfterFunc(wait, e.ring)
		return
	}
	e.timer.Reset(wait)
}

// ring is the alarm. Timers come late by some tenths of a millisecond, which a
// paced lane would lose with each send. So the alarm learns how late they are,
// is set off that much sooner, and bridges what is left by itself.
func (e *Executor) ring() {
	e.mu.Lock()
	at, lead := e.alarm, e.lead
	e.mu.Unlock()
	late := time.Since(at.Add(-lead))
	if lead > 0 && time.Until(at) <= maxLead {
		for time.Now().Before(at) {
			runtime.Gosched()
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if late >= 0 && !at.IsZero() {
		e.lead = min(maxLead, e.lead+(late-e.lead)/8)
	}
	e.alarm = time.Time{}
	e.endOverdue(e.now())
	e.wake()
}

// endOverdue ends the calls whose query is past its deadline, and sets the
// alarm for the next ones. One timer serves them all. The lock is held.
func (e *Executor) endOverdue(now time.Time) {
	if e.cfg.QueryTimeout < 0 || len(e.flying) == 0 {
		e.watch = time.Time{}
		return
	}
	if now.Before(e.watch) {
		e.alarmAt(e.watch)
		return
	}
	e.watch = time.Time{}
	for _, t := range e.flying {
		next := t.started.Add(e.cfg.QueryTimeout)
		if t.ended {
			continue
		}
		if !next.After(now) {
			t.worker.cancel()
			next = next.Add(grace)
		}
		if !next.After(now) {
			e.abandon(t, e.expired(t, nil))
		} else if e.watch.IsZero() || next.Before(e.watch) {
			e.watch = next
		}
	}
	if !e.watch.IsZero() {
		e.alarmAt(e.watch)
	}
}
