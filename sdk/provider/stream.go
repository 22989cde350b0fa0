package provider

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/cortexlinux/cortex-host/sdk"
	providerv1 "github.com/cortexlinux/cortex-host/sdk/proto/cortex/provider/v1"
)

const (
	// maxStreamed is the largest call that goes by stream: a larger one would
	// hold up those behind it.
	maxStreamed = 1 << 20
	// maxFrame is the size up to which messages share a frame; a larger one is
	// alone in its own. It fits the largest of the buffers that gRPC keeps for
	// another use but one, which has a megabyte and is cleared each time.
	maxFrame = 31 << 10
	// messageRoom is what a message takes in a frame beside its own bytes, at
	// most.
	messageRoom = 64
	// maxQueued and maxQueuedBytes bound the calls that wait to be sent, and
	// what they hold: a call that is given up leaves only when it is its turn.
	maxQueued      = 4096
	maxQueuedBytes = 16 << 20
)

var (
	// errNotStreamed is a call's that must go unary.
	errNotStreamed = errors.New("the stream does not take this call")
	// errNotSent is a call's that was given up before it was its turn.
	errNotSent = errors.New("it waited to be sent")
)

// A stream is the host's end of one Stream. It is safe for concurrent use.
type stream struct {
	wire grpc.BidiStreamingClient[providerv1.StreamRequest, providerv1.StreamResponse]
	stop context.CancelFunc
	out  *queue[outgoing]

	mu      sync.Mutex
	pending map[uint64]waiter
	lastID  uint64

	// broken is closed when the stream has ended; err says why.
	broken chan struct{}
	err    error
}

// A waiter waits for the outcome of a call.
type waiter struct {
	reply chan<- []byte
	sent  bool // or about to be: who knows
}

// An outgoing is one message for the plugin: a call, or the id of one to cancel.
type outgoing struct {
	call   *providerv1.Call
	cancel uint64
}

// calls are those that were sent, to be used again with the memory that they
// were encoded into.
var calls = sync.Pool{New: func() any { return new(providerv1.Call) }}

// newCall returns a call with an encoded query.
func newCall(q *sdk.Query) (*providerv1.Call, error) {
	call := calls.Get().(*providerv1.Call)
	request, err := encodeQuery(call.GetRequest()[:0], q)
	call.Request = request
	return call, err
}

// size is what the message takes in a frame, at most.
func (o outgoing) size() int { return len(o.call.GetRequest()) + messageRoom }

// openStream opens a stream; ctx bounds the opening only. It ends with the
// connection, or when it breaks, and onBreak is called then, once.
func openStream(ctx context.Context, wire providerv1.ProviderClient, onBreak func(error)) (*stream, error) {
	lifetime, stop := context.WithCancel(context.WithoutCancel(ctx))
	opened := context.AfterFunc(ctx, stop)
	w, err := wire.Stream(lifetime)
	if !opened() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		stop()
		return nil, err
	}
	s := &stream{
		wire: w, stop: stop, out: newQueue[outgoing](),
		pending: map[uint64]waiter{}, broken: make(chan struct{}),
	}
	go s.send()
	go s.receive(onBreak)
	return s, nil
}

// call sends a call, which is its own from then on, and waits for the encoded
// outcome. An error is ctx's, the broken stream's, errNotStreamed or errNotSent.
func (s *stream) call(ctx context.Context, call *providerv1.Call) ([]byte, error) {
	size := len(call.GetRequest())
	if size > maxStreamed {
		return nil, errNotStreamed
	}
	reply := make(chan []byte, 1)
	s.mu.Lock()
	s.lastID++
	id := s.lastID
	s.pending[id] = waiter{reply: reply}
	s.mu.Unlock()
	call.Id, call.Timeout = id, nil
	if deadline, ok := ctx.Deadline(); ok {
		call.Timeout = durationpb.New(time.Until(deadline))
	}
	if !s.out.put(outgoing{call: call}, size, bounds{maxQueued, maxQueuedBytes}) {
		s.forget(id)
		return nil, errNotStreamed
	}
	select {
	case outcome := <-reply:
		return outcome, nil
	case <-s.broken:
		err := s.err
		if was, _ := s.forget(id); was {
			return nil, err
		}
	case <-ctx.Done():
		switch was, sent := s.forget(id); {
		case was && !sent:
			return nil, errNotSent
		case was:
			s.out.put(outgoing{cancel: id}, 0, bounds{})
			return nil, context.Cause(ctx)
		}
	}
	return <-reply, nil // it came at the same moment, and was paid for
}

// forget reports whether the call was still pending, and whether it was sent. One
// that was not will not be.
func (s *stream) forget(id uint64) (was, sent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, was := s.pending[id]
	delete(s.pending, id)
	return was, w.sent
}

// sending notes that a call is sent now, and reports whether it is to be: whether
// it is still pending.
func (s *stream) sending(id uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, ok := s.pending[id]
	if ok {
		w.sent = true
		s.pending[id] = w
	}
	return ok
}

// settle hands an outcome to whoever waits for it.
func (s *stream) settle(o *providerv1.CallOutcome) {
	s.mu.Lock()
	reply := s.pending[o.GetId()].reply
	delete(s.pending, o.GetId())
	s.mu.Unlock()
	if reply != nil {
		reply <- o.GetResponse()
	}
}

// send sends what waits until the stream is broken.
func (s *stream) send() {
	var frame providerv1.StreamRequest // the next one; gRPC needs it no more when Send returns
	size := 0
	flush := func() error {
		err := s.wire.Send(&frame)
		for _, call := range frame.GetCalls() {
			if cap(call.GetRequest()) <= maxFrame {
				calls.Put(call)
			}
		}
		clear(frame.Calls)
		frame.Calls, frame.Cancels, size = frame.Calls[:0], frame.Cancels[:0], 0
		return err
	}
	for {
		select {
		case <-s.broken:
			return
		case <-s.out.wake:
		}
		runtime.Gosched() // whoever is about to call gets into this frame
		for _, one := range s.out.take() {
			if one.call != nil && !s.sending(one.call.GetId()) {
				continue // given up: nobody pays for its answer
			}
			if size > 0 && size+one.size() > maxFrame && flush() != nil {
				return // receive learns why
			}
			if one.call != nil {
				frame.Calls = append(frame.Calls, one.call)
			} else {
				frame.Cancels = append(frame.Cancels, one.cancel)
			}
			size += one.size()
		}
		if size > 0 && flush() != nil {
			return
		}
	}
}

// receive settles calls until the stream is broken.
func (s *stream) receive(onBreak func(error)) {
	for {
		frame, err := s.wire.Recv()
		if err != nil {
			s.err = err
			close(s.broken)
			onBreak(err)
			s.stop()
			return
		}
		for _, outcome := range frame.GetOutcomes() {
			s.settle(outcome)
		}
	}
}
