package executor_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/sdk"
)

// Five minutes without the provider must not multiply the traffic, and must
// not lose queries that can wait.
func TestOutages(t *testing.T) {
	const n = 2000
	var turn atomic.Int64
	for name, c := range map[string]struct {
		fail  func(ctx context.Context) *sdk.Error
		least int // answers
	}{
		"refused connections": {func(context.Context) *sdk.Error {
			return &sdk.Error{Kind: sdk.Unreachable, Message: "connection refused"}
		}, n - 20},
		"timeouts": {func(ctx context.Context) *sdk.Error {
			select {
			case <-time.After(30 * time.Second):
			case <-ctx.Done():
			}
			return &sdk.Error{Kind: sdk.InDoubt, Message: "timeout"}
		}, n - 90}, // those that were under way may have been paid for: few are sent again
		"503": {func(context.Context) *sdk.Error { return &sdk.Error{Kind: sdk.Overloaded, Status: 503} }, n},
		"503 and timeouts in turn": {func(ctx context.Context) *sdk.Error {
			if turn.Add(1)%2 == 0 {
				return &sdk.Error{Kind: sdk.Overloaded, Status: 503}
			}
			time.Sleep(30 * time.Second)
			return &sdk.Error{Kind: sdk.InDoubt, Message: "timeout"}
		}, n - 90},
		"503 with Retry-After": {func(context.Context) *sdk.Error {
			return &sdk.Error{Kind: sdk.Overloaded, Status: 503, RetryAfter: new(10 * time.Second)}
		}, n},
	} {
		for _, concurrent := range []int{5, 64} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					began := time.Now()
					p := &fake{do: func(ctx context.Context, q *sdk.Query, _ int) (*sdk.Response, error) {
						if down := time.Since(began) - 10*time.Second; down > 0 && down < 5*time.Minute {
							return nil, c.fail(ctx)
						}
						time.Sleep(500 * time.Millisecond)
						return answer(q), nil
					}}
					e := newExecutor(t, executor.Config{Lanes: []route.Lane{local("a", p)}, MaxConcurrent: concurrent})
					b := batch(t, e, queries(n))
					if ratio := float64(p.count()) / n; ratio > 1.1 {
						t.Errorf("%d at once: %.3f attempts a query", concurrent, ratio)
					}
					if b.SuccessCount < c.least {
						t.Errorf("%d at once: %d of %d answered", concurrent, b.SuccessCount, n)
					}
				})
			})
		}
	}
}

// A server that is not there is not waited for.
func TestDeadAddressEndsSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := failing(1_000_000, &sdk.Error{Kind: sdk.Unreachable, Message: "connection refused"})
		b := batch(t, newExecutor(t, lanes(local("a", p))), queries(1000))
		if b.SuccessCount != 0 || b.TotalTime > 30*time.Second || p.count() > 100 {
			t.Errorf("%d calls in %v", p.count(), b.TotalTime)
		}
		for _, r := range b.Results {
			if r.Error.Kind != sdk.Unreachable {
				t.Fatalf("%+v", r)
			}
		}
	})
}

// What waits for a server that answers nobody was not sent: it has neither timed
// out nor been cut off by the end of its run, and nothing of it is in doubt.
func TestWhatWaitsForASilentServerFails(t *testing.T) {
	for name, timeout := range map[string]time.Duration{"down for longer than a query may take": time.Second, "hopeless": time.Hour} {
		for _, kind := range []sdk.Kind{sdk.DeadlineExceeded, sdk.InDoubt} {
			t.Run(name+"/"+string(kind), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { waitsForSilence(t, kind, timeout) })
			})
		}
	}
}

func waitsForSilence(t *testing.T, kind sdk.Kind, timeout time.Duration) {
	p := &fake{do: func(context.Context, *sdk.Query, int) (*sdk.Response, error) {
		time.Sleep(500 * time.Millisecond)
		return nil, &sdk.Error{Kind: kind, Message: "timeout"}
	}}
	e := newExecutor(t, executor.Config{Lanes: []route.Lane{local("a", p)}, MaxConcurrent: 8, QueryTimeout: timeout})
	b := batch(t, e, queries(500))
	if b.FailureCount != 500 || b.UnsentCount != 0 {
		t.Errorf("%d failed, %d were kept from being asked", b.FailureCount, b.UnsentCount)
	}
	waited := 0
	for _, r := range b.Results {
		sent := r.Attempts > 0
		if r.PossiblyBilled != sent || executor.Unsent(&r) || (r.Error.Kind == sdk.Unreachable) == sent {
			t.Fatalf("%+v: %v", r, r.Error)
		}
		if !sent {
			waited++
		}
	}
	if waited < 400 {
		t.Errorf("only %d were not sent", waited)
	}
}

func TestDownLaneIsPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		a := &fake{do: func(_ context.Context, q *sdk.Query, _ int) (*sdk.Response, error) {
			time.Sleep(100 * time.Millisecond)
			if down := time.Since(began) - 10*time.Second; down > 0 && down < time.Minute {
				return nil, &sdk.Error{Kind: sdk.Unreachable}
			}
			return answer(q), nil
		}}
		e := newExecutor(t, executor.Config{
			Lanes:  []route.Lane{local("a", a), local("b", taking(100*time.Millisecond))},
			Routes: route.Table{route.AnyTask: {"a", "b"}},
		})
		b := batch(t, e, queries(5000))
		if b.SuccessCount != 5000 || b.DegradedCount < 1000 || b.DegradedCount > 4000 {
			t.Errorf("%d successes, %d of them degraded", b.SuccessCount, b.DegradedCount)
		}
		if b.TotalTime > 105*time.Second {
			t.Errorf("took %v", b.TotalTime)
		}
	})
}

func TestLongRetryAfterParksTheLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := failing(1000, &sdk.Error{Kind: sdk.RateLimited, RetryAfter: new(time.Hour)})
		e := newExecutor(t, executor.Config{
			Lanes:  []route.Lane{local("a", refused), local("b", &fake{})},
			Routes: route.Table{sdk.UserChat: {"a", "b"}, sdk.SystemOperation: {"a"}},
		})
		b := batch(t, e, queries(50))
		if b.SuccessCount != 50 || b.TotalTime > time.Second || refused.count() > 5 {
			t.Errorf("%d successes after %v and %d calls", b.SuccessCount, b.TotalTime, refused.count())
		}
		q := query("x")
		q.TaskType = sdk.SystemOperation
		began := time.Now()
		if r := e.Submit(context.Background(), q); r.Error == nil || time.Since(began) < 50*time.Minute {
			t.Errorf("with nowhere else to go: %+v after %v", r, time.Since(began))
		}
	})
}

func TestKeysShareTheLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := make([]*fake, 3)
		var list []route.Lane
		for i := range keys {
			keys[i] = taking(time.Second)
			list = append(list, route.Lane{Name: []string{"k/1", "k/2", "k/3"}[i], Instance: "k", Provider: keys[i], Local: true})
		}
		keys[1].do = failing(1000, &sdk.Error{Kind: sdk.Unauthenticated}).do
		e := newExecutor(t, executor.Config{Lanes: list, MaxConcurrent: 30, RequestsPerSecond: new(1.0)})
		b := batch(t, e, queries(60))
		if b.SuccessCount != 60 || b.DegradedCount != 0 {
			t.Errorf("%d successes, %d degraded", b.SuccessCount, b.DegradedCount)
		}
		if n, m := keys[0].count(), keys[2].count(); n < 28 || m < 28 || keys[1].count() != 1 {
			t.Errorf("keys were called %d, %d and %d times", n, keys[1].count(), m)
		}
		if b.TotalTime > 33*time.Second {
			t.Errorf("took %v", b.TotalTime)
		}
	})
}

// A lane that refuses everything is as good as down where there is another: a
// vendor that says 503 for an hour is not waited for until the queries' timeout.
func TestLaneThatOnlyRefusesIsPassedOver(t *testing.T) {
	for name, refusal := range map[string]*sdk.Error{
		"overloaded":           {Kind: sdk.Overloaded, Status: 503},
		"rate limited":         {Kind: sdk.RateLimited, Status: 429},
		"told to wait a while": {Kind: sdk.Overloaded, Status: 529, RetryAfter: new(20 * time.Second)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				a := &fake{do: func(_ context.Context, q *sdk.Query, _ int) (*sdk.Response, error) {
					time.Sleep(100 * time.Millisecond)
					if time.Since(began) < 5*time.Minute {
						return nil, refusal
					}
					return answer(q), nil
				}}
				b := taking(time.Second)
				e := newExecutor(t, executor.Config{
					Lanes:  []route.Lane{local("a", a), local("b", b)},
					Routes: route.Table{route.AnyTask: {"a", "b"}},
				})
				got := batch(t, e, queries(3000))
				if got.SuccessCount != 3000 || a.count()-(3000-b.count()) > 60 {
					t.Errorf("%d answered, %d and %d calls", got.SuccessCount, a.count(), b.count())
				}
				if first := b.calls[0].at.Sub(began); first > time.Minute {
					t.Errorf("nothing fell back for %v", first)
				}
				if back := a.calls[len(a.calls)-1].at.Sub(began); got.DegradedCount != b.count() || back < 5*time.Minute {
					t.Errorf("%d degraded, %d calls; the last one of the first lane after %v", got.DegradedCount, b.count(), back)
				}
			})
		})
	}
}

// What a rate limit asks for is waited for: it is no reason to go elsewhere.
func TestRateLimitsAreNoReasonToFallBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var window time.Time
		var taken int
		a := &fake{do: func(_ context.Context, q *sdk.Query, _ int) (*sdk.Response, error) {
			if now := time.Now(); now.Sub(window) >= time.Minute {
				window, taken = now, 0
			}
			if taken++; taken > 20 {
				return nil, &sdk.Error{Kind: sdk.RateLimited, RetryAfter: new(time.Minute - time.Since(window))}
			}
			return answer(q), nil
		}}
		e := newExecutor(t, executor.Config{
			Lanes:         []route.Lane{local("a", a), local("b", &fake{})},
			Routes:        route.Table{route.AnyTask: {"a", "b"}},
			MaxConcurrent: 1, QueryTimeout: -1,
		})
		if got := batch(t, e, queries(100)); got.SuccessCount != 100 || got.DegradedCount != 0 || got.TotalTime < 4*time.Minute {
			t.Errorf("%d answered, %d degraded in %v", got.SuccessCount, got.DegradedCount, got.TotalTime)
		}
	})
}

// A query that its lane would keep waiting until it is too late goes elsewhere.
func TestFallsBackBeforeItIsTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newExecutor(t, executor.Config{
			Lanes:        []route.Lane{local("a", failing(1000, &sdk.Error{Kind: sdk.Overloaded, Status: 503})), local("b", &fake{})},
			Routes:       route.Table{route.AnyTask: {"a", "b"}},
			QueryTimeout: 3 * time.Second,
		})
		if got := batch(t, e, queries(20)); got.SuccessCount != 20 || got.DegradedCount != 20 {
			t.Errorf("%d answered, %d degraded in %v: %+v", got.SuccessCount, got.DegradedCount, got.TotalTime, got.Results[0])
		}
	})
}
