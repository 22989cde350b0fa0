package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/cortexlinux/cortex-host/sdk"
	providerv1 "github.com/cortexlinux/cortex-host/sdk/proto/cortex/provider/v1"
)

// A call that was given up while it waited to be sent is not sent: nobody pays
// for its answer. What waits is bounded in bytes, and what does not fit goes
// unary.
func TestAStalledStreamSendsNothingThatWasGivenUp(t *testing.T) {
	const calls, size = 60, 900 << 10
	var received, unary atomic.Int64
	goOn := make(chan struct{})
	s := &counting{unary: &unary, server: newServer(echo)}
	c := connectTo(t, &hostileCounting{counting: s, stream: func(wire streamServer) error {
		<-goOn
		for {
			frame, err := wire.Recv()
			if err != nil {
				return err
			}
			for _, call := range frame.GetCalls() {
				received.Add(1)
				data, err := proto.Marshal(&providerv1.CompleteResponse{Outcome: &providerv1.CompleteResponse_Response{Response: &providerv1.Response{Content: "heard"}}})
				if err != nil {
					return err
				}
				if err := wire.Send(&providerv1.StreamResponse{Outcomes: []*providerv1.CallOutcome{{Id: call.GetId(), Response: data}}}); err != nil {
					return err
				}
			}
		}
	}})
	first, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := c.Complete(first, textQuery("opens the stream")); !errors.Is(err, sdk.InDoubt) {
		t.Fatalf("got %v", err)
	}
	big := strings.Repeat("x", size)
	var all sync.WaitGroup
	var givenUp, unsent atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range calls {
		all.Go(func() {
			_, err := c.Complete(ctx, textQuery(big))
			if err != nil {
				givenUp.Add(1)
			}
			if errors.Is(err, sdk.Unreachable) {
				unsent.Add(1)
			}
		})
	}
	held := func() int64 {
		s := c.openedStream(ctx)
		s.mu.Lock()
		defer s.mu.Unlock()
		return int64(len(s.pending))
	}
	for end := time.Now().Add(20 * time.Second); held()+unary.Load() < calls && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	time.Sleep(100 * time.Millisecond) // the sender sends what it can
	cancel()
	all.Wait()
	if n := unary.Load(); n < calls-(2*maxQueuedBytes+streamWindow)/size-4 { // a batch is taken, and the next waits
		t.Errorf("%d of %d calls went unary; %d MiB were held for a plugin that does not read", n, calls, givenUp.Load()*size>>20)
	}
	close(goOn)
	last, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for content := ""; content != "heard"; {
		r, err := c.Complete(last, textQuery("last"))
		if err != nil {
			t.Fatalf("the stream does not go on: %v", err)
		}
		content = r.Content
	}
	// What the connection has taken already cannot be called back.
	if n := received.Load(); n > streamWindow/size+5 {
		t.Errorf("%d calls were sent, %d were given up before", n, givenUp.Load())
	} else if unsent.Load() == 0 {
		t.Errorf("%d calls were given up, %d were sent, and none is said to be unsent: it would be booked as billed", givenUp.Load(), n)
	}
}

// A call that is given up in the queue was not sent, and its error says so; one that
// was sent is in doubt. The sender's word counts at the moment of giving up.
func TestACallGivenUpInTheQueueWasNotSent(t *testing.T) {
	for _, sent := range []bool{false, true} {
		ctx, cancel := context.WithCancel(t.Context())
		s := &stream{out: newQueue[outgoing](), pending: map[uint64]waiter{}, broken: make(chan struct{})}
		go func() { // the sender
			<-s.out.wake
			if sent && !s.sending(s.out.take()[0].call.GetId()) {
				t.Error("the call is not pending")
			}
			cancel()
		}()
		_, err := s.call(ctx, &providerv1.Call{Request: []byte("x")})
		want := map[bool]sdk.Kind{false: sdk.Unreachable, true: sdk.InDoubt}[sent]
		if e := streamError(ctx, err); !errors.Is(e, want) || !errors.Is(e, context.Canceled) {
			t.Errorf("sent %v: %v", sent, e)
		}
		cancels := 0
		for _, one := range s.out.take() {
			if one.call == nil {
				cancels++
			} else if s.sending(one.call.GetId()) {
				t.Error("what was given up would be sent")
			}
		}
		if (cancels == 1) != sent {
			t.Errorf("sent %v: %d cancels", sent, cancels)
		}
	}
}

// hostileCounting counts unary calls and has a stream of its own.
type hostileCounting struct {
	*counting
	stream func(streamServer) error
}

func (h *hostileCounting) Stream(wire streamServer) error { return h.stream(wire) }

// A cancel in the frame of its call is heard, whichever is read first.
func TestACancelInTheFrameOfItsCall(t *testing.T) {
	ended := make(chan error, 1)
	c := connect(t, &fake{complete: func(ctx context.Context, _ *sdk.Query) (*sdk.Response, error) {
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Second):
		}
		ended <- ctx.Err()
		return &sdk.Response{}, nil
	}})
	wire, err := c.wire.Stream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := wire.Send(&providerv1.StreamRequest{Calls: []*providerv1.Call{{Id: 1}}, Cancels: []uint64{1}}); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the call went on: %v", err)
	}
	_ = wire.CloseSend()
}

// An answer that does not fit the wire was paid for, a question was not sent.
func TestWhatIsTooLarge(t *testing.T) { bothWays(t, testWhatIsTooLarge) }

func testWhatIsTooLarge(t *testing.T, connect func(testing.TB, Plugin) *Client) {
	large := strings.Repeat("x", MaxMessageBytes+1)
	c := connect(t, &fake{complete: func(context.Context, *sdk.Query) (*sdk.Response, error) {
		return &sdk.Response{Content: large}, nil
	}})
	if _, err := c.Complete(t.Context(), textQuery("x")); !errors.Is(err, sdk.BadResponse) {
		t.Errorf("an answer: %v", err)
	}
	if _, err := c.Complete(t.Context(), textQuery(large)); !errors.Is(err, sdk.InvalidRequest) {
		t.Errorf("a question: %v", err)
	}
}

// A plugin that was not built with this SDK has the limit of its gRPC, 4 MiB mostly:
// it refuses a larger question without reading it, and nobody pays. The words are
// those of gRPC in C and Go, Java, and Rust.
func TestAPluginThatTakesNoLargeQuery(t *testing.T) {
	large := textQuery(strings.Repeat("x", 5<<20))
	request, err := encodeQuery(nil, large)
	if err != nil {
		t.Fatal(err)
	}
	size := len(request)
	plugins := map[string]*Client{"Go": connectBy(t, grpc.NewServer(), newServer(echo))}
	for name, s := range map[string]*status.Status{
		"C":    status.Newf(codes.ResourceExhausted, "SERVER: Received message larger than max (%d vs. 4194304)", size),
		"Java": status.Newf(codes.ResourceExhausted, "gRPC message exceeds maximum size 4194304: %d", size),
		"Rust": status.Newf(codes.OutOfRange, "Error, decoded message length too large: found %d bytes, the limit is: 4194304 bytes", size),
	} {
		plugins[name] = connectTo(t, &exhausted{says: s.Err()})
	}
	for name, c := range plugins {
		_, err := c.Complete(t.Context(), large)
		if !errors.Is(err, sdk.InvalidRequest) || !strings.Contains(err.Error(), fmt.Sprintf("takes no query of %d bytes", size)) || !strings.Contains(err.Error(), "4194304") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for _, text := range []string{ // an answer, though it be as large as the question
		fmt.Sprintf("trying to send message larger than max (%d vs. 4194304)", size),
		fmt.Sprintf("received message larger than max (1%d vs. 67108864)", size),
	} {
		c := connectTo(t, &exhausted{says: status.Error(codes.ResourceExhausted, text)})
		if _, err := c.Complete(t.Context(), large); !errors.Is(err, sdk.BadResponse) || !strings.Contains(err.Error(), text) {
			t.Errorf("got %v", err)
		}
	}
}

// A plugin that says by a status of gRPC that it has had enough says nothing of
// sizes.
func TestResourceExhaustedByThePlugin(t *testing.T) {
	c := connectTo(t, &exhausted{says: status.Error(codes.ResourceExhausted, "out of threads")})
	if _, err := c.CompleteUnary(t.Context(), textQuery("x")); !errors.Is(err, sdk.Internal) || strings.Contains(err.Error(), "MiB") {
		t.Errorf("got %v", err)
	}
}

type exhausted struct {
	providerv1.UnimplementedProviderServer
	says error
}

func (e *exhausted) Describe(context.Context, *providerv1.DescribeRequest) (*providerv1.DescribeResponse, error) {
	return &providerv1.DescribeResponse{}, nil
}

func (e *exhausted) Complete(context.Context, *providerv1.CompleteRequest) (*providerv1.CompleteResponse, error) {
	return nil, e.says
}

// An answer that comes at the very moment at which its call is given up is an
// answer: it was paid for.
func TestAnAnswerAtTheLastMomentIsNotLost(t *testing.T) {
	for what, end := range map[string]func(*stream, context.CancelFunc){
		"given up": func(_ *stream, cancel context.CancelFunc) { cancel() },
		"broken":   func(s *stream, _ context.CancelFunc) { s.err = errors.New("broken"); close(s.broken) },
	} {
		answered := 0
		for range 20_000 {
			ctx, cancel := context.WithCancel(t.Context())
			s := &stream{out: newQueue[outgoing](), pending: map[uint64]waiter{}, broken: make(chan struct{})}
			end(s, cancel)
			came := make(chan bool)
			go func() { // the receiver, as settle does it
				<-s.out.wake
				s.mu.Lock()
				reply := s.pending[1].reply
				delete(s.pending, 1)
				s.mu.Unlock()
				if reply != nil {
					reply <- []byte{}
				}
				came <- reply != nil
			}()
			_, err := s.call(ctx, &providerv1.Call{Request: []byte("x")})
			cancel()
			if in := <-came; in != (err == nil) {
				t.Fatalf("%s: the answer came: %v; the call returned %v", what, in, err)
			}
			if err == nil {
				answered++
			}
		}
		t.Logf("%s: %d answers at the last moment", what, answered)
	}
}
