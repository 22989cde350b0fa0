package executor_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/sdk"
)

func TestInputIsReadWithinAWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var read, delivered atomic.Int64
		most := int64(0)
		input := func(yield func(sdk.Query, error) bool) {
			for i := range 10_000 {
				most = max(most, read.Add(1)-delivered.Load())
				if !yield(query(fmt.Sprint(i)), nil) {
					return
				}
			}
		}
		e := newExecutor(t, executor.Config{Lanes: []route.Lane{local("a", &fake{})}, LookAhead: 50})
		s, err := e.Run(context.Background(), input, func(sdk.Result) error {
			time.Sleep(time.Millisecond) // a slow sink
			delivered.Add(1)
			return nil
		})
		if err != nil || s.SuccessCount != 10_000 {
			t.Errorf("%d successes, error %v", s.SuccessCount, err)
		}
		if most > 50+executor.DefaultMaxConcurrent+2 {
			t.Errorf("%d queries were read ahead", most)
		}
	})
}

func TestItemErrorsAreResults(t *testing.T) {
	input := func(yield func(sdk.Query, error) bool) {
		_ = yield(query("a"), nil) &&
			yield(sdk.Query{}, &sdk.ItemError{ID: "b", Metadata: map[string]string{"k": "v"}, Err: sdk.Errorf(sdk.GeneratorFailed, "no such package")}) &&
			yield(sdk.Query{ID: "c"}, nil) && // no messages
			yield(query("d"), nil)
	}
	p := &fake{}
	results := map[string]sdk.Result{}
	s, err := newExecutor(t, lanes(local("a", p))).Run(context.Background(), input, func(r sdk.Result) error {
		results[r.QueryID] = r
		return nil
	})
	if err != nil || s.SuccessCount != 2 || s.FailureCount != 2 || p.count() != 2 {
		t.Fatalf("summary %+v, error %v, %d calls", s, err, p.count())
	}
	if b := results["b"]; b.Error.Kind != sdk.GeneratorFailed || b.Metadata["k"] != "v" || b.Index != 1 {
		t.Errorf("item error: %+v", b)
	}
	if c := results["c"]; c.Error.Kind != sdk.InvalidRequest || c.Attempts != 0 || !strings.Contains(c.Error.Message, "messages") {
		t.Errorf("invalid query: %+v", c)
	}
	if d := results["d"]; d.Index != 3 {
		t.Errorf("index %d", d.Index)
	}
}

func TestInputErrorEndsTheInputAfterWhatWasRead(t *testing.T) {
	broken := errors.New("disk on fire")
	for name, input := range map[string]func(func(sdk.Query, error) bool){
		"error": func(yield func(sdk.Query, error) bool) {
			_ = yield(query("a"), nil) && yield(sdk.Query{}, broken)
		},
		"panic": func(yield func(sdk.Query, error) bool) {
			yield(query("a"), nil)
			panic(broken)
		},
	} {
		s, err := newExecutor(t, lanes(local("a", &fake{}))).Run(context.Background(), input, nil)
		if err == nil || !strings.Contains(err.Error(), "disk on fire") || s.SuccessCount != 1 {
			t.Errorf("%s: error %v, summary %+v", name, err, s)
		}
	}
}

func TestSinkErrorEndsTheRun(t *testing.T) {
	full := errors.New("disk full")
	n := 0
	_, err := newExecutor(t, lanes(local("a", &fake{}))).Run(context.Background(), stream(10_000), func(sdk.Result) error {
		n++
		if n == 3 {
			return full
		}
		return nil
	})
	if !errors.Is(err, full) || n != 3 {
		t.Errorf("error %v after %d results", err, n)
	}
}

func TestSinkPanicReachesTheCaller(t *testing.T) {
	defer func() {
		if p := recover(); fmt.Sprint(p) != "my sink" {
			t.Errorf("recovered %v", p)
		}
	}()
	_, _ = newExecutor(t, lanes(local("a", &fake{}))).Run(context.Background(), stream(10_000), func(sdk.Result) error { panic("my sink") })
}

// In the ancestor a callback that failed lost the batch.
func TestCallbackPanicFailsThatQueryAlone(t *testing.T) {
	var told int
	e := newExecutor(t, executor.Config{Lanes: []route.Lane{local("a", &fake{})}, OnResult: func(r sdk.Result) {
		told++
		if r.QueryID == "q7" {
			panic("oops")
		}
	}})
	b := batch(t, e, queries(20))
	if told != 20 || b.SuccessCount != 19 || b.FailureCount != 1 {
		t.Errorf("told %d, %d successes", told, b.SuccessCount)
	}
	if r := b.Results[7]; r.Error.Kind != sdk.Internal || r.Response == nil || !strings.Contains(r.Error.Message, "oops") {
		t.Errorf("result %+v", r)
	}
}

func TestProviderPanicFailsThatQueryAlone(t *testing.T) {
	p := &fake{do: func(_ context.Context, q *sdk.Query, _ int) (*sdk.Response, error) {
		switch q.ID {
		case "q7":
			panic("oops")
		case "q8":
			return nil, nil
		}
		return answer(q), nil
	}}
	b := batch(t, newExecutor(t, executor.Config{Lanes: []route.Lane{local("a", p)}, MaxRetries: new(0)}), queries(20))
	if b.SuccessCount != 18 {
		t.Errorf("%d successes", b.SuccessCount)
	}
	for _, i := range []int{7, 8} {
		if r := b.Results[i]; r.Error == nil || r.Error.Kind != sdk.Internal || !r.PossiblyBilled {
			t.Errorf("result %+v", r)
		}
	}
}

func TestCancelDoesNotWaitForADeafProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &fake{do: func(_ context.Context, q *sdk.Query, n int) (*sdk.Response, error) {
			if n > 1 {
				time.Sleep(time.Hour) // ignores its context
			}
			return answer(q), nil
		}}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		began := time.Now()
		b, err := newExecutor(t, lanes(local("a", p))).ExecuteBatch(ctx, queries(20))
		if took := time.Since(began); took > 3*time.Second || err == nil {
			t.Errorf("took %v, error %v", took, err)
		}
		if b.SuccessCount != 1 || b.FailureCount != 19 {
			t.Errorf("%d successes, %d failures", b.SuccessCount, b.FailureCount)
		}
		time.Sleep(2 * time.Hour)
	})
}

func TestCancelDoesNotWaitForADeafInput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		input := func(yield func(sdk.Query, error) bool) {
			yield(query("a"), nil)
			time.Sleep(time.Hour)
			yield(query("b"), nil)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		began := time.Now()
		s, err := newExecutor(t, lanes(local("a", &fake{}))).Run(ctx, input, nil)
		if took := time.Since(began); took > 3*time.Second || err == nil || s.SuccessCount != 1 {
			t.Errorf("took %v, error %v, %d successes", took, err, s.SuccessCount)
		}
		time.Sleep(2 * time.Hour)
	})
}

func TestRunDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := taking(10 * time.Second)
		for _, c := range []struct {
			drain     time.Duration
			successes int
			took      time.Duration
		}{{-1, 4, 25 * time.Second}, {0, 6, 30 * time.Second}, {2 * time.Second, 4, 27 * time.Second}} {
			e := newExecutor(t, executor.Config{Lanes: []route.Lane{local("a", p)}, Deadline: 25 * time.Second, Drain: c.drain, MaxConcurrent: 2})
			b, err := e.ExecuteBatch(context.Background(), queries(20))
			if !errors.Is(err, sdk.DeadlineExceeded) || !errors.Is(err, executor.ErrDeadline) || b.SuccessCount != c.successes || b.TotalTime.Round(time.Second) != c.took || b.Stopped == "" {
				t.Errorf("drain %v: error %v, %d successes in %v, stopped %q", c.drain, err, b.SuccessCount, b.TotalTime, b.Stopped)
			}
			for _, r := range b.Results {
				if !r.Success() && (!errors.Is(r.Error, executor.ErrDeadline) || r.Error.Kind != sdk.DeadlineExceeded) && r.Index < 8 {
					t.Errorf("drain %v: query %d ended with %v", c.drain, r.Index, r.Error)
				}
			}
		}
	})
}

// What stops a run does not wait longer than Drain for calls under way.
func TestStopDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newExecutor(t, executor.Config{Lanes: []route.Lane{local("a", taking(time.Minute))}, Drain: 5 * time.Second})
		time.AfterFunc(time.Second, e.Stop)
		b, err := e.ExecuteBatch(context.Background(), queries(20))
		if !errors.Is(err, executor.ErrStopped) || b.TotalTime != 6*time.Second || b.Results[0].Error.Kind != sdk.Canceled {
			t.Errorf("error %v after %v, first result %+v", err, b.TotalTime, b.Results[0].Error)
		}
	})
}

func TestAbortAfter(t *testing.T) {
	p := failing(1_000_000, &sdk.Error{Kind: sdk.NotFound, Message: "no such model"})
	e := newExecutor(t, executor.Config{Lanes: []route.Lane{local("a", p)}, AbortAfter: 10})
	s, err := e.Run(context.Background(), stream(100_000), nil)
	var abort *executor.AbortError
	if !errors.As(err, &abort) || !errors.Is(err, sdk.NotFound) || abort.Failures != 10 {
		t.Errorf("error %v", err)
	}
	if p.count() > 10+executor.DefaultMaxConcurrent || s.FailureCount > 300 {
		t.Errorf("%d calls, %d failures", p.count(), s.FailureCount)
	}
}

func TestSubmitAlone(t *testing.T) {
	e := newExecutor(t, lanes(local("a", &fake{})))
	if r := e.Submit(context.Background(), query("x")); !r.Success() || r.QueryID != "x" {
		t.Errorf("result %+v", r)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if r := e.Submit(ctx, query("y")); r.Error == nil || r.Error.Kind != sdk.Canceled || r.QueryID != "y" {
		t.Errorf("result %+v", r)
	}
	if r := e.Submit(context.Background(), sdk.Query{ID: "z"}); r.Error == nil || r.Error.Kind != sdk.InvalidRequest {
		t.Errorf("result %+v", r)
	}
}

// A crash loses the answers that no sink has taken: they must not be more than
// may be under way.
func TestUndeliveredResultsHoldTheirSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var answered, delivered, most atomic.Int64
		p := &fake{do: func(_ context.Context, q *sdk.Query, _ int) (*sdk.Response, error) {
			time.Sleep(time.Millisecond)
			if n := answered.Add(1) - delivered.Load(); n > most.Load() {
				most.Store(n)
			}
			return answer(q), nil
		}}
		e := newExecutor(t, executor.Config{Lanes: []route.Lane{local("a", p)}, MaxConcurrent: 8})
		_, err := e.Run(context.Background(), stream(500), func(sdk.Result) error {
			time.Sleep(100 * time.Millisecond)
			delivered.Add(1)
			return nil
		})
		if n := most.Load(); err != nil || n > 8 {
			t.Errorf("%d answers were in memory only; error %v", n, err)
		}
	})
}
