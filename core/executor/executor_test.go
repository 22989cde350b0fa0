package executor_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/sdk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// query returns an ordinary query.
func query(id string) sdk.Query {
	return sdk.Query{ID: id, Messages: []sdk.Message{{Role: sdk.User, Text: "What is " + id + "?"}}}
}

func queries(n int) []sdk.Query {
	list := make([]sdk.Query, n)
	for i := range list {
		list[i] = query(fmt.Sprintf("q%d", i))
	}
	return list
}

// stream yields n queries.
func stream(n int) iter.Seq2[sdk.Query, error] {
	return func(yield func(sdk.Query, error) bool) {
		for i := range n {
			if !yield(query(fmt.Sprintf("q%d", i)), nil) {
				return
			}
		}
	}
}

// A fake is a provider that notes its calls and does what a function says.
type fake struct {
	mu       sync.Mutex
	calls    []call
	inFlight int
	most     int
	do       func(ctx context.Context, q *sdk.Query, n int) (*sdk.Response, error)
}

// A call is one call of a fake.
type call struct {
	id string
	at time.Time
}

func (f *fake) Complete(ctx context.Context, q *sdk.Query) (*sdk.Response, error) {
	f.mu.Lock()
	f.calls = append(f.calls, call{q.ID, time.Now()})
	n := len(f.calls)
	f.inFlight++
	f.most = max(f.most, f.inFlight)
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.inFlight--
		f.mu.Unlock()
	}()
	if f.do == nil {
		return answer(q), nil
	}
	return f.do(ctx, q, n)
}

func (f *fake) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.calls)
}

// id returns the query of a call.
func (f *fake) id(call int) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[call].id
}

// starts returns the times of all calls since the first.
func (f *fake) starts() []time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := make([]time.Duration, len(f.calls))
	for i, c := range f.calls {
		list[i] = c.at.Sub(f.calls[0].at)
	}
	return list
}

func answer(q *sdk.Query) *sdk.Response {
	return &sdk.Response{Content: "answer to " + q.ID, FinishReason: sdk.Stop,
		Usage: &sdk.Usage{PromptTokens: 10, CompletionTokens: 5}}
}

// taking returns a provider that needs d for each answer.
func taking(d time.Duration) *fake {
	return &fake{do: func(ctx context.Context, q *sdk.Query, _ int) (*sdk.Response, error) {
		select {
		case <-time.After(d):
			return answer(q), nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}}
}

// failing returns a provider that fails the first n calls.
func failing(n int, err *sdk.Error) *fake {
	return &fake{do: func(_ context.Context, q *sdk.Query, i int) (*sdk.Response, error) {
		if i <= n {
			return nil, err
		}
		return answer(q), nil
	}}
}

func local(name string, p sdk.Provider) route.Lane {
	return route.Lane{Name: name, Provider: p, Local: true}
}

func newExecutor(t *testing.T, cfg executor.Config) *executor.Executor {
	t.Helper()
	e, err := executor.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func lanes(list ...route.Lane) executor.Config { return executor.Config{Lanes: list} }

func batch(t *testing.T, e *executor.Executor, qs []sdk.Query) *executor.Batch {
	t.Helper()
	b, err := e.ExecuteBatch(context.Background(), qs)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFiveQueriesOfOneSecondTakeOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := taking(time.Second)
		b := batch(t, newExecutor(t, lanes(local("a", p))), queries(5))
		if b.TotalTime > 1020*time.Millisecond || b.SuccessCount != 5 || b.FailureCount != 0 {
			t.Errorf("took %v, %d successes, %d failures", b.TotalTime, b.SuccessCount, b.FailureCount)
		}
		for i, r := range b.Results {
			if r.QueryID != fmt.Sprintf("q%d", i) || r.Response.Content != "answer to "+r.QueryID {
				t.Errorf("result %d is %+v", i, r)
			}
		}
		if b.TotalTokens != 75 || b.Attempts != 5 {
			t.Errorf("%d tokens in %d attempts", b.TotalTokens, b.Attempts)
		}
		if r, ok := b.Result("q3"); !ok || r.Index != 3 || len(b.SuccessfulResponses()) != 5 {
			t.Errorf("Result(q3) = %+v, %v", r, ok)
		}
	})
}

func TestEmptyBatch(t *testing.T) {
	b := batch(t, newExecutor(t, lanes(local("a", &fake{}))), nil)
	if len(b.Results) != 0 || b.SuccessCount != 0 || b.FailureCount != 0 {
		t.Errorf("got %+v", b)
	}
}

func TestRetryAfterIsAFloor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := failing(1, &sdk.Error{Kind: sdk.RateLimited, Status: 429, RetryAfter: new(2 * time.Second)})
		b := batch(t, newExecutor(t, lanes(local("a", p))), queries(1))
		if got := p.starts()[1]; got < 2*time.Second || got > 2500*time.Millisecond {
			t.Errorf("sent again after %v, not 2 s", got)
		}
		if b.SuccessCount != 1 || b.Results[0].Attempts != 2 || b.Results[0].ExecutionTime < 2*time.Second {
			t.Errorf("result %+v", b.Results[0])
		}
	})
}

func TestCancelKeepsWhatIsFinished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &fake{do: func(ctx context.Context, q *sdk.Query, n int) (*sdk.Response, error) {
			if n <= 3 {
				return answer(q), nil
			}
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		b, err := newExecutor(t, lanes(local("a", p))).ExecuteBatch(ctx, queries(20))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		if b.SuccessCount != 3 || b.FailureCount != 17 || b.TotalTime > time.Second {
			t.Errorf("%d successes, %d failures in %v", b.SuccessCount, b.FailureCount, b.TotalTime)
		}
		for _, r := range b.Results {
			if r.Error != nil && r.Error.Kind != sdk.Canceled {
				t.Errorf("%s: %v", r.QueryID, r.Error)
			}
			if r.PossiblyBilled != (r.Error != nil && r.Attempts > 0) {
				t.Errorf("%s: possibly billed is %v after %d attempts", r.QueryID, r.PossiblyBilled, r.Attempts)
			}
		}
	})
}

func TestWrongKeyIsCalledOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := failing(1000, &sdk.Error{Kind: sdk.Unauthenticated, Status: 401, Message: "bad key"})
		b, err := newExecutor(t, lanes(local("a", p))).ExecuteBatch(context.Background(), queries(300))
		var stopped *executor.LanesStoppedError
		if !errors.As(err, &stopped) || !errors.Is(err, sdk.Unauthenticated) {
			t.Errorf("error %v", err)
		}
		if p.count() != 1 {
			t.Errorf("called %d times", p.count())
		}
		kinds := map[sdk.Kind]int{}
		for _, r := range b.Results {
			kinds[r.Error.Kind]++
		}
		if kinds[sdk.Unauthenticated] != 1 || kinds[sdk.LaneStopped] != 299 {
			t.Errorf("kinds %v", kinds)
		}
	})
}
