package provider

import (
	"context"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
)

// A callContext is the context of one call by a stream: one piece of memory
// where the library's would be eight, for each query. The crew ends it, and so
// does its own deadline.
type callContext struct {
	context.Context           // the stream's, for its values; its end is the crew's to pass on
	deadline        time.Time // zero: none
	timer           *time.Timer

	mu    sync.Mutex
	err   error
	done  chan struct{} // nil until somebody asks for it
	after []*afterwards
	// One is usual, and needs no memory of its own.
	room  [1]*afterwards
	first afterwards
}

// An afterwards is what is to be done when a context has ended.
type afterwards struct {
	ctx *callContext
	do  func()
}

var _ interface {
	context.Context
	AfterFunc(do func()) (stop func() bool) // package context knows it too
} = (*callContext)(nil)

// newCallContext returns a context with these values that ends after that time,
// if there is one.
func newCallContext(values context.Context, timeout *durationpb.Duration) *callContext {
	c := &callContext{Context: values}
	c.after = c.room[:0]
	if timeout == nil {
		return c
	}
	left := timeout.AsDuration()
	c.mu.Lock() // the timer may not wait
	defer c.mu.Unlock()
	c.deadline = time.Now().Add(left)
	if left <= 0 {
		c.err = context.DeadlineExceeded // and nothing is begun until a timer says so
		return c
	}
	c.timer = time.AfterFunc(left, func() { c.end(context.DeadlineExceeded) })
	return c
}

// end ends the context, unless it has ended.
func (c *callContext) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = err
	if c.timer != nil {
		c.timer.Stop()
	}
	if c.done != nil {
		close(c.done)
	}
	for _, a := range c.after {
		go a.do()
	}
	c.after = nil
}

// Deadline implements context.Context.
func (c *callContext) Deadline() (time.Time, bool) { return c.deadline, !c.deadline.IsZero() }

// Err implements context.Context.
func (c *callContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Done implements context.Context.
func (c *callContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
		if c.err != nil {
			close(c.done)
		}
	}
	return c.done
}

// AfterFunc is what [context.AfterFunc] is.
func (c *callContext) AfterFunc(do func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := &c.first
	if a.do != nil {
		a = new(afterwards)
	}
	*a = afterwards{ctx: c, do: do}
	if c.err != nil {
		go do()
	} else {
		c.after = append(c.after, a)
	}
	return a.stop
}

// stop reports whether it was in time.
func (a *afterwards) stop() bool {
	a.ctx.mu.Lock()
	defer a.ctx.mu.Unlock()
	i := slices.Index(a.ctx.after, a)
	if i < 0 {
		return false
	}
	a.ctx.after = slices.Delete(a.ctx.after, i, i+1)
	return true
}
