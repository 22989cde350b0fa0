package provider

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	providerv1 "github.com/cortexlinux/cortex-host/sdk/proto/cortex/provider/v1"
)

// isOver reports whether a context and one that was made from it have ended,
// in every way in which that can be learned.
func isOver(t *testing.T, ctx, child context.Context, want error) {
	t.Helper()
	synctest.Wait()
	for _, c := range []context.Context{ctx, child} {
		if !errors.Is(c.Err(), want) || !errors.Is(context.Cause(c), want) {
			t.Errorf("got %v, because of %v, want %v", c.Err(), context.Cause(c), want)
		}
		select {
		case <-c.Done():
			if want == nil {
				t.Error("it is done")
			}
		default:
			if want != nil {
				t.Error("it is not done")
			}
		}
	}
}

func TestACallsContextEnds(t *testing.T) {
	for name, test := range map[string]struct {
		call func(c *crew, stop context.CancelFunc, j job)
		want error
	}{
		"with its deadline":    {func(*crew, context.CancelFunc, job) { time.Sleep(time.Second) }, context.DeadlineExceeded},
		"not before":           {func(*crew, context.CancelFunc, job) { time.Sleep(time.Second - 1) }, nil},
		"by a cancel frame":    {func(c *crew, _ context.CancelFunc, _ job) { c.cancel(7, nil) }, context.Canceled},
		"not by another's":     {func(c *crew, _ context.CancelFunc, _ job) { c.cancel(8, nil) }, nil},
		"with its outcome":     {func(c *crew, _ context.CancelFunc, j job) { c.cancel(7, j.ctx) }, context.Canceled},
		"with the stream":      {func(_ *crew, stop context.CancelFunc, _ job) { stop() }, context.Canceled},
		"by a call of that id": {func(c *crew, _ context.CancelFunc, _ job) { c.begin(&providerv1.Call{Id: 7}) }, context.Canceled},
		"not twice": {func(c *crew, stop context.CancelFunc, _ job) {
			time.Sleep(time.Second)
			synctest.Wait()
			c.cancel(7, nil)
			stop()
		}, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				c := &crew{ctx: ctx, values: context.WithoutCancel(ctx), calls: map[uint64]*callContext{}}
				defer context.AfterFunc(ctx, c.abandon)()
				j := c.begin(&providerv1.Call{Id: 7, Timeout: durationpb.New(time.Second)})
				child, release := context.WithCancel(j.ctx)
				defer release()
				if at, ok := child.Deadline(); !ok || time.Until(at) != time.Second {
					t.Errorf("the deadline is in %v", time.Until(at))
				}
				test.call(c, stop, j)
				isOver(t, j.ctx, child, test.want)
				c.cancel(7, j.ctx)
				stop()
				synctest.Wait()
			})
		})
	}
}

func TestACallOfAStreamThatHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		stop()
		c := &crew{ctx: ctx, values: context.WithoutCancel(ctx), calls: map[uint64]*callContext{}}
		j := c.begin(&providerv1.Call{Id: 1})
		isOver(t, j.ctx, j.ctx, context.Canceled)
	})
}

func TestACallThatCameTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, left := range []time.Duration{0, -time.Second} {
			c := newCallContext(context.WithoutCancel(t.Context()), durationpb.New(left))
			if !errors.Is(c.Err(), context.DeadlineExceeded) {
				t.Errorf("%v: it begins", left)
			}
			isOver(t, c, c, context.DeadlineExceeded)
			c.end(context.Canceled)
		}
	})
}

func TestWhatComesAfterACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var done atomic.Int64
		c := newCallContext(context.WithoutCancel(t.Context()), nil)
		var stops []func() bool
		for _, n := range []int64{1, 10, 100} {
			stops = append(stops, c.AfterFunc(func() { done.Add(n) }))
		}
		if !stops[1]() || stops[1]() {
			t.Error("the second can be stopped, and once")
		}
		c.end(context.Canceled)
		stops = append(stops, c.AfterFunc(func() { done.Add(1000) }))
		synctest.Wait()
		if done.Load() != 1101 {
			t.Errorf("%d was done", done.Load())
		}
		for _, stop := range stops {
			if stop() {
				t.Error("stopped after the end")
			}
		}
	})
}
