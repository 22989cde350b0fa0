package provider

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"

	"google.golang.org/grpc"

	providerv1 "github.com/cortexlinux/cortex-host/sdk/proto/cortex/provider/v1"
)

type streamServer = grpc.BidiStreamingServer[providerv1.StreamRequest, providerv1.StreamResponse]

// A crew works on the calls of one stream. A call takes an idle worker or a new
// one; workers stay until the stream ends, with the stacks that they have grown.
type crew struct {
	server  *server
	ctx     context.Context // the stream's
	values  context.Context // ctx, for its values alone: its end is the crew's to pass on
	work    chan job
	workers sync.WaitGroup
	hired   int // how many there are
	out     *queue[*providerv1.CallOutcome]

	mu    sync.Mutex
	calls map[uint64]*callContext // that are under way
}

// A job is a call with its context.
type job struct {
	call *providerv1.Call
	ctx  *callContext
}

// Stream implements the wire.
func (s *server) Stream(wire streamServer) error {
	ctx, stop := context.WithCancel(wire.Context())
	defer stop()
	c := &crew{
		server: s, ctx: ctx, values: context.WithoutCancel(ctx), work: make(chan job),
		out: newQueue[*providerv1.CallOutcome](), calls: map[uint64]*callContext{},
	}
	defer context.AfterFunc(ctx, c.abandon)()
	finished, sent := make(chan struct{}), make(chan error, 1)
	go func() {
		err := c.send(wire, finished)
		if err != nil {
			stop() // nobody hears the rest
		}
		sent <- err
	}()
	err := c.receive(wire)
	if err != nil {
		stop()
	}
	close(c.work)
	c.workers.Wait()
	close(finished)
	return errors.Join(err, <-sent)
}

// receive hands out calls until the host half-closes or the stream breaks.
func (c *crew) receive(wire streamServer) error {
	for {
		frame, err := wire.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, call := range frame.GetCalls() {
			j := c.begin(call)
			select {
			case c.work <- j:
			default:
				if c.hired++; c.hired == manyCalls {
					collect(ordinary)
				}
				c.workers.Go(func() { c.labour(j) })
			}
		}
		for _, id := range frame.GetCancels() { // of these calls too
			c.cancel(id, nil)
		}
	}
}

// labour does one job after the other.
func (c *crew) labour(j job) {
	for ok := true; ok; j, ok = <-c.work {
		response, err := c.server.ask(j.ctx, j.call.GetRequest())
		outcome := outcomes.Get().(*providerv1.CallOutcome) // not before: calls take long, and there are many
		outcome.Id = j.call.GetId()
		outcome.Response = c.server.encode(j.ctx, outcome.GetResponse()[:0], response, err)
		c.cancel(j.call.GetId(), j.ctx)
		c.out.put(outcome, 0, bounds{})
	}
}

// outcomes are those that were sent, to be used again with the memory that they
// were encoded into.
var outcomes = sync.Pool{New: func() any { return new(providerv1.CallOutcome) }}

// begin readies a call. A cancel frame, the call's own deadline or the stream's
// end may end it early.
func (c *crew) begin(call *providerv1.Call) job {
	j := job{call: call, ctx: newCallContext(c.values, call.GetTimeout())}
	c.mu.Lock()
	twin := c.calls[call.GetId()] // nobody could tell their outcomes apart
	c.calls[call.GetId()] = j.ctx
	c.mu.Unlock()
	if twin != nil {
		twin.end(context.Canceled)
	}
	if err := c.ctx.Err(); err != nil {
		j.ctx.end(err) // abandon may not have seen it
	}
	return j
}

// cancel ends a call, whichever has that id if ctx is nil.
func (c *crew) cancel(id uint64, ctx *callContext) {
	c.mu.Lock()
	if now := c.calls[id]; ctx == nil || ctx == now {
		ctx = now
		delete(c.calls, id)
	}
	c.mu.Unlock()
	if ctx != nil {
		ctx.end(context.Canceled)
	}
}

// abandon ends all calls when the stream has ended.
func (c *crew) abandon() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ctx := range c.calls {
		ctx.end(c.ctx.Err())
	}
}

// send sends outcomes until all are sent that there will be.
func (c *crew) send(wire streamServer, finished <-chan struct{}) error {
	var frame providerv1.StreamResponse // the next one; gRPC needs it no more when Send returns
	size := 0
	flush := func() error {
		err := wire.Send(&frame)
		for _, outcome := range frame.GetOutcomes() {
			if cap(outcome.GetResponse()) <= maxFrame {
				outcomes.Put(outcome)
			}
		}
		clear(frame.Outcomes)
		frame.Outcomes, size = frame.Outcomes[:0], 0
		return err
	}
	for last := false; !last; {
		select {
		case <-c.out.wake:
			runtime.Gosched() // whoever is about to answer gets into this frame
		case <-finished:
			last = true
		}
		for _, outcome := range c.out.take() {
			n := len(outcome.GetResponse()) + messageRoom
			if size > 0 && size+n > maxFrame {
				if err := flush(); err != nil {
					return err
				}
			}
			frame.Outcomes = append(frame.Outcomes, outcome)
			size += n
		}
		if size > 0 {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return nil
}
