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
	ctx     context.Context
	work    chan job
	workers sync.WaitGroup
	hired   int // how many there are
	out     *queue[*providerv1.CallOutcome]

	mu      sync.Mutex
	cancels map[uint64]context.CancelFunc
}

// A job is a call with its context. Its end releases the context.
type job struct {
	call *providerv1.Call
	ctx  context.Context
	end  context.CancelFunc
}

// Stream implements the wire.
func (s *server) Stream(wire streamServer) error {
	ctx, stop := context.WithCancel(wire.Context())
	defer stop()
	c := &crew{
		server: s, ctx: ctx, work: make(chan job),
		out: newQueue[*providerv1.CallOutcome](), cancels: map[uint64]context.CancelFunc{},
	}
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
			c.cancel(id)
		}
	}
}

// labour does one job after the other.
func (c *crew) labour(j job) {
	for ok := true; ok; j, ok = <-c.work {
		c.out.put(&providerv1.CallOutcome{Id: j.call.GetId(), Response: c.complete(j)}, 0, bounds{})
	}
}

// complete returns the encoded outcome of a job.
func (c *crew) complete(j job) []byte {
	defer j.end()
	return c.server.complete(j.ctx, j.call.GetRequest())
}

// begin readies a call. A cancel frame or the call's own deadline ends it early.
func (c *crew) begin(call *providerv1.Call) job {
	var ctx context.Context
	var cancel context.CancelFunc
	if t := call.GetTimeout(); t != nil {
		ctx, cancel = context.WithTimeout(c.ctx, t.AsDuration())
	} else {
		ctx, cancel = context.WithCancel(c.ctx)
	}
	id := call.GetId()
	c.mu.Lock()
	c.cancels[id] = cancel
	c.mu.Unlock()
	return job{call: call, ctx: ctx, end: func() {
		c.cancel(id)
		cancel()
	}}
}

func (c *crew) cancel(id uint64) {
	c.mu.Lock()
	cancel := c.cancels[id]
	delete(c.cancels, id)
	c.mu.Unlock()
	if cancel != nil {
		cancel()
	}
}

// send sends outcomes until all are sent that there will be.
func (c *crew) send(wire streamServer, finished <-chan struct{}) error {
	for last := false; !last; {
		select {
		case <-c.out.wake:
			runtime.Gosched() // whoever is about to answer gets into this frame
		case <-finished:
			last = true
		}
		frame, size := new(providerv1.StreamResponse), 0
		for _, outcome := range c.out.take() {
			n := len(outcome.Response) + messageRoom
			if size > 0 && size+n > maxFrame {
				if err := wire.Send(frame); err != nil {
					return err
				}
				frame, size = new(providerv1.StreamResponse), 0
			}
			frame.Outcomes = append(frame.Outcomes, outcome)
			size += n
		}
		if size > 0 {
			if err := wire.Send(frame); err != nil {
				return err
			}
		}
	}
	return nil
}
