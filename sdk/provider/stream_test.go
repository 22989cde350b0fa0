package provider

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
	providerv1 "github.com/cortexlinux/cortex-host/sdk/proto/cortex/provider/v1"
)

func textQuery(text string) *sdk.Query {
	return &sdk.Query{ID: "q", Messages: []sdk.Message{{Role: sdk.User, Text: text}}}
}

// echo answers with the question.
var echo = &fake{complete: func(_ context.Context, q *sdk.Query) (*sdk.Response, error) {
	return &sdk.Response{Content: q.Messages[0].Text, FinishReason: sdk.Stop}, nil
}}

func TestManyAtOnce(t *testing.T) { bothWays(t, testManyAtOnce) }

func testManyAtOnce(t *testing.T, connect func(testing.TB, Plugin) *Client) {
	c := connect(t, echo)
	var calls sync.WaitGroup
	for i := range 2000 {
		calls.Go(func() {
			text := strings.Repeat(fmt.Sprint(i, " "), i%50*100+1)
			if r, err := c.Complete(t.Context(), textQuery(text)); err != nil || r.Content != text {
				t.Errorf("call %d: %v", i, err)
			}
		})
	}
	calls.Wait()
}

func TestAGivenUpCallEndsInThePlugin(t *testing.T) { bothWays(t, testGivenUpCallEnds) }

func testGivenUpCallEnds(t *testing.T, connect func(testing.TB, Plugin) *Client) {
	began, ended := make(chan struct{}, 1), make(chan error, 1)
	c := connect(t, &fake{complete: func(ctx context.Context, q *sdk.Query) (*sdk.Response, error) {
		if q.Messages[0].Text == "wait" {
			began <- struct{}{}
			<-ctx.Done()
			ended <- ctx.Err()
			return nil, ctx.Err()
		}
		return &sdk.Response{}, nil
	}})
	if _, err := c.Complete(t.Context(), textQuery("first")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-began; cancel() }()
	if _, err := c.Complete(ctx, textQuery("wait")); !errors.Is(err, sdk.InDoubt) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the plugin was not told")
	}
	// A deadline needs no frame: the plugin has it.
	ctx, cancel = context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := c.Complete(ctx, textQuery("wait")); !errors.Is(err, sdk.InDoubt) {
		t.Errorf("got %v", err)
	}
	<-began
	<-ended
}

func TestLargeCallsLeaveTheStream(t *testing.T) {
	var unary atomic.Int64
	s := &counting{server: newServer(echo), unary: &unary}
	c := connectTo(t, s)
	for _, size := range []int{1, 100 << 10, 2 << 20, 1} {
		if r, err := c.Complete(t.Context(), textQuery(strings.Repeat("x", size))); err != nil || len(r.Content) != size {
			t.Fatalf("%d bytes: %v", size, err)
		}
	}
	if n := unary.Load(); n != 1 {
		t.Errorf("%d calls went unary, want the large one", n)
	}
}

// counting counts unary calls.
type counting struct {
	*server
	unary *atomic.Int64
}

func (c *counting) Complete(ctx context.Context, r *providerv1.CompleteRequest) (*providerv1.CompleteResponse, error) {
	c.unary.Add(1)
	return c.server.Complete(ctx, r)
}

// An answer that can't cross the wire fails its own call and no other.
func TestABadAnswerSparesTheStream(t *testing.T) {
	c := connect(t, &fake{complete: func(_ context.Context, q *sdk.Query) (*sdk.Response, error) {
		switch q.Messages[0].Text {
		case "broken text":
			return &sdk.Response{Content: "\xff"}, nil
		case "broken error":
			return nil, sdk.Errorf(sdk.Overloaded, "\xff")
		case "endless":
			return &sdk.Response{Content: strings.Repeat("x", MaxMessageBytes+1)}, nil
		}
		return &sdk.Response{}, nil
	}})
	for text, kind := range map[string]sdk.Kind{"broken text": sdk.Internal, "broken error": sdk.Overloaded, "endless": sdk.BadResponse} {
		if _, err := c.Complete(t.Context(), textQuery(text)); !errors.Is(err, kind) {
			t.Errorf("%s: got %v", text, err)
		}
	}
	if _, err := c.Complete(t.Context(), textQuery("\xff")); !errors.Is(err, sdk.InvalidRequest) {
		t.Errorf("a question that is no text: %v", err)
	}
	if _, err := c.Complete(t.Context(), textQuery("fine")); err != nil || c.BrokenStreams() != 0 {
		t.Errorf("%v, %d broken streams", err, c.BrokenStreams())
	}
}

// hostile is a plugin that breaks the stream's rules.
type hostile struct {
	*server
	stream func(streamServer) error
}

func (h *hostile) Stream(wire streamServer) error { return h.stream(wire) }

func TestABrokenStreamIsInternalAndCounted(t *testing.T) {
	var open atomic.Int64
	c := connectTo(t, &hostile{server: newServer(echo), stream: func(wire streamServer) error {
		open.Add(1)
		if _, err := wire.Recv(); err != nil {
			return err
		}
		return errors.New("I give up")
	}})
	failed := 0
	for range 40 {
		_, err := c.Complete(t.Context(), textQuery("x"))
		if err == nil {
			continue
		}
		failed++
		if !errors.Is(err, sdk.Internal) || !errors.Is(err, sdk.ErrPluginBroke) {
			t.Fatalf("got %v", err)
		}
		if failed > 3 {
			t.Fatal("streams are opened for ever")
		}
	}
	if c.BrokenStreams() != 3 || open.Load() != 3 {
		t.Errorf("%d streams broke, %d were opened", c.BrokenStreams(), open.Load())
	}
}

func TestNonsenseOnTheStream(t *testing.T) {
	c := connectTo(t, &hostile{server: newServer(echo), stream: func(wire streamServer) error {
		for {
			frame, err := wire.Recv()
			if errors.Is(err, io.EOF) || err != nil {
				return err
			}
			for _, call := range frame.GetCalls() {
				id := call.GetId()
				_ = wire.Send(&providerv1.StreamResponse{Outcomes: []*providerv1.CallOutcome{
					nil, {Id: id + 1000}, {Id: id, Response: []byte("\xff\xff")}, {Id: id, Response: nil}, {}}})
			}
		}
	}})
	for range 3 {
		if _, err := c.Complete(t.Context(), textQuery("x")); !errors.Is(err, sdk.Internal) {
			t.Errorf("got %v", err)
		}
	}
}

func TestAPluginThatOnlyClaimsAStream(t *testing.T) {
	c := connectTo(t, &hostile{server: newServer(echo), stream: newUnimplemented().Stream})
	var err error
	for range maxBreaks + 1 {
		_, err = c.Complete(t.Context(), textQuery("x"))
	}
	if err != nil {
		t.Errorf("calls do not go unary in the end: %v", err)
	}
}

func newUnimplemented() providerv1.UnimplementedProviderServer {
	return providerv1.UnimplementedProviderServer{}
}

// A plugin that does not read any more costs a call no more than its deadline.
func TestAStalledStream(t *testing.T) {
	c := connectTo(t, &hostile{server: newServer(echo), stream: func(wire streamServer) error {
		<-wire.Context().Done()
		return wire.Context().Err()
	}})
	var calls sync.WaitGroup
	big := strings.Repeat("x", 900<<10)
	for range 30 {
		calls.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if _, err := c.Complete(ctx, textQuery(big)); err != nil && !errors.Is(err, sdk.InDoubt) && !errors.Is(err, sdk.Unreachable) {
				t.Errorf("got %v", err)
			}
		})
	}
	began := time.Now()
	calls.Wait()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
}

// A call under way holds none of the memory that answers were encoded into.
func TestACallUnderWayHoldsNoRoomForItsAnswer(t *testing.T) {
	const n = 500
	here, answer := make(chan struct{}), make(chan string)
	c := connect(t, &fake{complete: func(context.Context, *sdk.Query) (*sdk.Response, error) {
		here <- struct{}{}
		return &sdk.Response{Content: <-answer}, nil
	}})
	round := func(n, size int, meanwhile func()) {
		var calls sync.WaitGroup
		for range n {
			calls.Go(func() {
				if _, err := c.Complete(t.Context(), textQuery("x")); err != nil {
					t.Error(err)
				}
			})
		}
		for range n {
			<-here
		}
		meanwhile()
		for range n {
			answer <- strings.Repeat("x", size)
		}
		calls.Wait()
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // as if there were much else
	var before, after uint64
	round(1, 1, func() {}) // opens the stream
	round(n, 20_000, func() { before = heap() })
	for range 2 {
		round(1, 1, func() {}) // a queue knows until then what it had last
	}
	round(n, 1, func() { after = heap() })
	if after > before+5<<20 {
		t.Errorf("%d calls under way hold %d bytes more than those before them", n, after-before)
	}
}

// heap is what is in use, without what is only kept for another use.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkComplete(b *testing.B) {
	for name, connect := range map[string]func(testing.TB, Plugin) *Client{"stream": connect, "unary": connectUnary} {
		b.Run(name, func(b *testing.B) {
			c, q := connect(b, echo), textQuery(strings.Repeat("x", 1000))
			b.SetParallelism(128)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := c.Complete(b.Context(), q); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
