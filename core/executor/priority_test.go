package executor_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/sdk"
)

func urgent(id string, priority int) sdk.Query {
	q := query(id)
	q.Priority = priority
	return q
}

func TestUrgentQueryIsTheNextOneSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := taking(time.Second)
		e := newExecutor(t, executor.Config{Lanes: []route.Lane{local("a", p)}, MaxConcurrent: 1, LookAhead: 10_000})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = e.Run(ctx, stream(20_000), nil)
		}()
		time.Sleep(100*time.Second + time.Millisecond) // everything that waits has waited for long
		sent := p.count()
		r := e.Submit(context.Background(), urgent("now", 1))
		if id := p.id(sent); id != "now" || !r.Success() || r.ExecutionTime != time.Second {
			t.Errorf("sent %s before the urgent query: %+v", id, r)
		}
		if s := e.Stats(); s.Queued < 9_990 {
			t.Errorf("only %d queries waited", s.Queued)
		}
		cancel()
		<-done
	})
}

func TestUrgentOnesStarveNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := taking(time.Second)
		e := newExecutor(t, executor.Config{Lanes: []route.Lane{local("a", p)}, MaxConcurrent: 1, LookAhead: 20, AgeAfter: 30 * time.Second})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = e.Run(ctx, func(yield func(sdk.Query, error) bool) {
				for i := 0; yield(urgent(fmt.Sprint("urgent", i), 10), nil); i++ {
				}
			}, nil)
		}()
		time.Sleep(10 * time.Second)
		began := time.Now()
		r := e.Submit(context.Background(), urgent("low", -5))
		// Ageing, then its turn among those that are older.
		if took := time.Since(began); !r.Success() || took < 30*time.Second || took > 120*time.Second {
			t.Errorf("after %v: %+v", took, r)
		}
		cancel()
		<-done
	})
}

// Nor do urgent queries of another lane, where slots are short.
func TestUrgentOnesOfAnotherLaneStarveNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := taking(time.Second), taking(time.Second)
		e := newExecutor(t, executor.Config{Lanes: []route.Lane{local("a", a), local("b", b)}, MaxConcurrent: 1, LookAhead: 20, AgeAfter: 30 * time.Second})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = e.Run(ctx, func(yield func(sdk.Query, error) bool) {
				for i := 0; yield(urgent(fmt.Sprint("urgent", i), 10), nil); i++ {
				}
			}, nil)
		}()
		time.Sleep(10 * time.Second)
		low := urgent("low", -5)
		low.Provider = "b"
		began := time.Now()
		r := e.Submit(context.Background(), low)
		if took := time.Since(began); !r.Success() || took < 30*time.Second || took > 40*time.Second {
			t.Errorf("after %v: %+v", took, r)
		}
		cancel()
		<-done
	})
}

// A query that comes back is older than those that arrived after it: among
// urgent ones it has its turn as the oldest, not as the newest.
func TestRetryKeepsItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &fake{}
		p.do = func(_ context.Context, q *sdk.Query, n int) (*sdk.Response, error) {
			time.Sleep(time.Second)
			if n == 1 {
				return nil, &sdk.Error{Kind: sdk.Conflict, RetryAfter: new(3 * time.Second)}
			}
			return answer(q), nil
		}
		e := newExecutor(t, executor.Config{Lanes: []route.Lane{local("a", p)}, MaxConcurrent: 1, AgeAfter: 5 * time.Second})
		_, err := e.Run(context.Background(), func(yield func(sdk.Query, error) bool) {
			yield(urgent("low", 0), nil)
			time.Sleep(500 * time.Millisecond) // it is under way
			for i := range 100 {
				yield(urgent(fmt.Sprint("urgent", i), 1), nil)
			}
		}, nil)
		if err != nil || p.id(0) != "low" {
			t.Fatalf("%v, first call for %s", err, p.id(0))
		}
		for n := 1; p.id(n) != "low"; n++ {
			if n > 12 {
				t.Fatalf("not sent again after %d others", n)
			}
		}
	})
}

func TestPriorityOrdersTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := taking(time.Second)
		e := newExecutor(t, executor.Config{Lanes: []route.Lane{local("a", p)}, MaxConcurrent: 1, LookAhead: 100, AgeAfter: time.Hour})
		var qs []sdk.Query
		for i := range 50 {
			qs = append(qs, urgent(fmt.Sprint(i), i%5))
		}
		batch(t, e, qs)
		last := 5
		for _, c := range p.calls[2:] { // the first ones were sent before the rest was read
			var n int
			_, _ = fmt.Sscan(c.id, &n)
			if n%5 > last {
				t.Fatalf("priority %d was sent after %d", n%5, last)
			}
			last = n % 5
		}
	})
}

// An urgent query overtakes in other lanes too, where slots are short.
func TestPriorityHoldsBetweenLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := taking(time.Second), taking(time.Second)
		e := newExecutor(t, executor.Config{Lanes: []route.Lane{local("a", a), local("b", b)}, MaxConcurrent: 1, LookAhead: 100})
		var qs []sdk.Query
		for i := range 20 {
			q := urgent(fmt.Sprint(i), i%2)
			q.Provider = []string{"a", "b"}[i%2]
			qs = append(qs, q)
		}
		batch(t, e, qs)
		if first, last := b.calls[9].at, a.calls[2].at; first.After(last) {
			t.Errorf("urgent queries of lane b waited for ordinary ones of lane a")
		}
	})
}
