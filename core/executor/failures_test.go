package executor_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/sdk"
)

// The ancestor retried a wrong request and a wrong key.
func TestPermanentFailuresAreNotRetried(t *testing.T) {
	for _, kind := range []sdk.Kind{sdk.InvalidRequest, sdk.Unauthenticated, sdk.ContextLength, sdk.NotFound,
		sdk.ContentFiltered, sdk.NotAnswered, sdk.BadResponse, sdk.PermissionDenied, sdk.QuotaExhausted} {
		p := failing(1000, &sdk.Error{Kind: kind})
		r := newExecutor(t, lanes(local("a", p))).Submit(context.Background(), query("x"))
		if p.count() != 1 || r.Error.Kind != kind || r.Attempts != 1 {
			t.Errorf("%s: %d calls, result %+v", kind, p.count(), r)
		}
	}
}

// The ancestor's backoff was linear and without jitter: all failed together
// and came back together.
func TestRetriesAreSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := failing(4, &sdk.Error{Kind: sdk.InDoubt, Status: 500})
		batch(t, newExecutor(t, lanes(local("a", p))), queries(4))
		seen := map[time.Duration]bool{}
		for _, at := range p.starts()[4:] {
			if at > 600*time.Millisecond {
				t.Errorf("first retry only after %v", at)
			}
			seen[at] = true
		}
		if len(seen) < 3 {
			t.Errorf("retries at %v", p.starts()[4:])
		}
	})
}

// In the ancestor it covered the last attempt only.
func TestExecutionTimeCoversAllAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &fake{do: func(_ context.Context, q *sdk.Query, n int) (*sdk.Response, error) {
			time.Sleep(time.Second)
			if n < 3 {
				return nil, &sdk.Error{Kind: sdk.RateLimited, RetryAfter: new(2 * time.Second)}
			}
			return answer(q), nil
		}}
		r := newExecutor(t, lanes(local("a", p))).Submit(context.Background(), query("x"))
		if r.ExecutionTime < 7*time.Second || r.Attempts != 3 || r.Response.Latency != time.Second {
			t.Errorf("execution time %v, latency %v, %d attempts", r.ExecutionTime, r.Response.Latency, r.Attempts)
		}
	})
}

func TestWithoutRetriesNothingIsSentTwice(t *testing.T) {
	for _, kind := range sdk.Kinds() {
		synctest.Test(t, func(t *testing.T) {
			a := failing(1000, &sdk.Error{Kind: kind, RetryAfter: new(time.Second), ShouldRetry: new(true)})
			b := &fake{}
			e := newExecutor(t, executor.Config{
				Lanes:       []route.Lane{local("a", a), local("b", b)},
				Routes:      route.Table{route.AnyTask: {"a", "b"}},
				RetryFailed: new(false),
			})
			out := batch(t, e, queries(20))
			sent := map[string]int{}
			for _, c := range append(a.calls, b.calls...) {
				if sent[c.id]++; sent[c.id] > 1 {
					t.Errorf("%s: %s was sent twice", kind, c.id)
				}
			}
			for _, r := range out.Results {
				if r.Attempts > 1 {
					t.Errorf("%s: %d attempts", kind, r.Attempts)
				}
			}
		})
	}
}

// In the ancestor two failing providers bounced 996 calls between each other.
func TestFailingLanesDoNotBounce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, kind := range []sdk.Kind{sdk.InDoubt, sdk.Unreachable, sdk.Internal, sdk.Unauthenticated} {
			a, b := failing(1000, &sdk.Error{Kind: kind}), failing(1000, &sdk.Error{Kind: kind})
			e := newExecutor(t, executor.Config{
				Lanes:  []route.Lane{local("a", a), local("b", b)},
				Routes: route.Table{sdk.UserChat: {"a", "b"}, sdk.SystemOperation: {"b", "a"}},
			})
			r := e.Submit(context.Background(), query("x"))
			if r.Error.Kind != kind || r.Attempts > 10 || a.count()+b.count() > 10 {
				t.Errorf("%s: %d calls of a, %d of b: %+v", kind, a.count(), b.count(), r)
			}
		}
	})
}

// A query that breaks every call must not go from key to key, however well
// others fare there in the meantime.
func TestPoisonedQueryDoesNotGoFromKeyToKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, kind := range []sdk.Kind{sdk.InDoubt, sdk.Internal, sdk.Unreachable, sdk.NotFound} {
			poisoned := 0
			p := &fake{}
			p.do = func(_ context.Context, q *sdk.Query, _ int) (*sdk.Response, error) {
				time.Sleep(20 * time.Millisecond)
				if q.ID != "q3" {
					return answer(q), nil
				}
				p.mu.Lock()
				defer p.mu.Unlock()
				poisoned++
				return nil, &sdk.Error{Kind: kind}
			}
			var keys []route.Lane
			for _, name := range []string{"k/1", "k/2", "k/3"} {
				keys = append(keys, route.Lane{Name: name, Instance: "k", Provider: p, Local: true})
			}
			b := batch(t, newExecutor(t, executor.Config{Lanes: keys, MaxConcurrent: 9}), queries(20_000))
			want := map[sdk.Kind]int{sdk.InDoubt: 3, sdk.Internal: 2, sdk.Unreachable: 5, sdk.NotFound: 1}[kind]
			if poisoned != want || b.FailureCount != 1 || b.Results[3].Error.Kind != kind || b.Results[3].Attempts != want {
				t.Errorf("%s: sent %d times, want %d: %+v", kind, poisoned, want, b.Results[3])
			}
		}
	})
}

// The ancestor silently sent a query for a forced local provider to the cloud.
func TestForcedProviderNeverFallsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, kind := range sdk.Kinds() {
			if kind == sdk.RateLimited || kind == sdk.Overloaded {
				continue // they wait
			}
			remote := &fake{}
			e := newExecutor(t, executor.Config{
				Lanes:  []route.Lane{local("ollama", failing(1000, &sdk.Error{Kind: kind})), {Name: "cloud", Provider: remote}},
				Routes: route.Table{route.AnyTask: {"ollama", "cloud"}},
			})
			q := query("x")
			q.Provider = "ollama"
			r := e.Submit(context.Background(), q)
			if r.Error == nil || remote.count() != 0 || r.Degraded {
				t.Errorf("%s: %d calls of the cloud: %+v", kind, remote.count(), r)
			}
		}
		q := query("x")
		q.Provider = "nope"
		r := newExecutor(t, lanes(local("a", &fake{}))).Submit(context.Background(), q)
		if r.Error == nil || r.Error.Kind != sdk.InvalidRequest || !strings.Contains(r.Error.Message, "one of a") {
			t.Errorf("unknown provider: %+v", r)
		}
	})
}

func TestOnlyTheConfigurationLeadsFromLocalToRemote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		remote := &fake{}
		e := newExecutor(t, lanes(local("ollama", failing(1000, &sdk.Error{Kind: sdk.Unreachable})), route.Lane{Name: "cloud", Provider: remote}))
		b := batch(t, e, queries(20))
		if remote.count() != 0 || b.FailureCount != 20 {
			t.Errorf("%d calls of the cloud, %d failures", remote.count(), b.FailureCount)
		}
	})
}

func TestFallbackIsMarked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newExecutor(t, executor.Config{
			Lanes:  []route.Lane{local("a", failing(1000, &sdk.Error{Kind: sdk.Unauthenticated})), local("b", &fake{})},
			Routes: route.Table{sdk.UserChat: {"a", "b"}},
		})
		b := batch(t, e, queries(50))
		if b.SuccessCount != 50 || b.DegradedCount != 50 {
			t.Errorf("%d successes, %d degraded", b.SuccessCount, b.DegradedCount)
		}
		if r := b.Results[0]; !r.Degraded || r.Response.Provider != "b" {
			t.Errorf("result %+v", r)
		}
	})
}

func TestUnfinishedRepliesAreErrorsThatKeepTheText(t *testing.T) {
	for reason, kind := range map[sdk.FinishReason]sdk.Kind{
		sdk.Length: sdk.Truncated, sdk.Filtered: sdk.ContentFiltered, sdk.Refusal: sdk.Refused,
		sdk.Stop: "", sdk.ToolUse: "", sdk.FinishUnknown: "",
	} {
		p := &fake{do: func(_ context.Context, q *sdk.Query, _ int) (*sdk.Response, error) {
			r := answer(q)
			r.FinishReason = reason
			return r, nil
		}}
		b := batch(t, newExecutor(t, lanes(local("a", p))), queries(1))
		r := b.Results[0]
		if sdk.KindOf(errorOf(r)) != kind || r.Response == nil || r.Response.Content == "" || r.Success() != (kind == "") {
			t.Errorf("finish reason %q: %+v", reason, r)
		}
		if (b.TruncatedCount == 1) != (kind == sdk.Truncated) || b.TotalTokens != 15 {
			t.Errorf("finish reason %q: %+v", reason, b.Summary)
		}
	}
}

func errorOf(r sdk.Result) error {
	if r.Error == nil {
		return nil
	}
	return r.Error
}

func TestQueryTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := &fake{do: func(ctx context.Context, _ *sdk.Query, _ int) (*sdk.Response, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		e := newExecutor(t, executor.Config{Lanes: []route.Lane{local("a", hang)}, QueryTimeout: 30 * time.Second})
		r := e.Submit(context.Background(), query("x"))
		if r.Error.Kind != sdk.DeadlineExceeded || r.ExecutionTime != 30*time.Second || !r.PossiblyBilled {
			t.Errorf("a call that hangs: %+v", r)
		}

		refused := failing(1_000_000, &sdk.Error{Kind: sdk.RateLimited, Message: "slow down"})
		e = newExecutor(t, executor.Config{Lanes: []route.Lane{local("a", refused)}, QueryTimeout: 5 * time.Minute})
		r = e.Submit(context.Background(), query("x"))
		if r.Error.Kind != sdk.DeadlineExceeded || r.ExecutionTime > 5*time.Minute || r.ExecutionTime < 3*time.Minute || r.PossiblyBilled {
			t.Errorf("refused for ever: %+v", r)
		}
		if !errors.Is(r.Error, sdk.RateLimited) || !strings.Contains(r.Error.Message, "slow down") {
			t.Errorf("the reason is lost: %v", r.Error)
		}
	})
}

// A provider that ignores its context must not keep its query from an end.
func TestQueryTimeoutDoesNotWaitForADeafProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &fake{do: func(_ context.Context, q *sdk.Query, _ int) (*sdk.Response, error) {
			if q.ID == "q0" {
				time.Sleep(time.Hour)
			}
			return answer(q), nil
		}}
		b := batch(t, newExecutor(t, executor.Config{Lanes: []route.Lane{local("a", p)}, QueryTimeout: 30 * time.Second}), queries(20))
		r := b.Results[0]
		if b.SuccessCount != 19 || r.Error == nil || r.Error.Kind != sdk.DeadlineExceeded || !r.PossiblyBilled || b.TotalTime > 35*time.Second {
			t.Errorf("%d successes in %v, result %+v", b.SuccessCount, b.TotalTime, r)
		}
		time.Sleep(2 * time.Hour)
	})
}

// A query stays what it is as long as its call goes on, though its result is out
// and others have taken the memory of those that ended.
func TestADeafCallKeepsItsQuery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		late := map[string]string{}
		p := &fake{do: func(_ context.Context, q *sdk.Query, _ int) (*sdk.Response, error) {
			if time.Sleep(time.Second); strings.HasSuffix(q.ID, "0") {
				time.Sleep(time.Minute)
				mu.Lock()
				defer mu.Unlock()
				late[q.ID] = answer(q).Content
			}
			return answer(q), nil
		}}
		e := newExecutor(t, executor.Config{Lanes: []route.Lane{local("a", p)}, QueryTimeout: 5 * time.Second, MaxConcurrent: 11, RetryFailed: new(false)})
		b := batch(t, e, queries(100))
		time.Sleep(time.Hour)
		mu.Lock()
		defer mu.Unlock()
		if b.SuccessCount != 90 || len(late) != 10 {
			t.Errorf("%d successes, and late answers %q", b.SuccessCount, late)
		}
		for id, content := range late {
			if !strings.HasSuffix(id, "0") || content != "answer to "+id {
				t.Errorf("the call of %s became the %s", id, content)
			}
		}
		for _, r := range b.Results {
			if r.Success() && r.Response.Content != "answer to "+r.QueryID {
				t.Errorf("%s has the %s", r.QueryID, r.Response.Content)
			}
		}
	})
}

// A call that was given up before it was sent, as the provider knows, costs
// nothing and is not taken for paid.
func TestACallGivenUpBeforeItWasSentIsNotBilled(t *testing.T) {
	for kind, want := range map[sdk.Kind]bool{sdk.Unreachable: false, sdk.InDoubt: true} {
		synctest.Test(t, func(t *testing.T) {
			p := &fake{do: func(ctx context.Context, _ *sdk.Query, _ int) (*sdk.Response, error) {
				<-ctx.Done()
				return nil, sdk.Errorf(kind, "given up: %w", context.Cause(ctx))
			}}
			rec := &ledger{}
			e := newExecutor(t, executor.Config{
				Lanes: []route.Lane{{Name: "a", Provider: p}}, QueryTimeout: 30 * time.Second, Recorder: rec,
			})
			var r sdk.Result
			if _, err := e.Run(context.Background(), stream(1), func(one sdk.Result) error { r = one; return nil }); err != nil {
				t.Fatal(err)
			}
			if r.Error == nil || r.Error.Kind != sdk.DeadlineExceeded || r.Attempts != 1 || r.PossiblyBilled != want {
				t.Errorf("%s: %+v", kind, r)
			}
			if len(rec.ended) != 1 || (rec.ended[0].Cost == nil) != want || (rec.ended[0].Tokens == nil) != want {
				t.Errorf("%s: the record says %+v", kind, rec.ended)
			}
		})
	}
}

func TestPossiblyBilled(t *testing.T) {
	for kind, want := range map[sdk.Kind]bool{sdk.InDoubt: true, sdk.Internal: true, sdk.RateLimited: false, sdk.Conflict: false, sdk.Unreachable: false} {
		synctest.Test(t, func(t *testing.T) {
			p := failing(1, &sdk.Error{Kind: kind})
			r := newExecutor(t, lanes(local("a", p))).Submit(context.Background(), query("x"))
			if !r.Success() || r.PossiblyBilled != want {
				t.Errorf("%s, then an answer: %+v", kind, r)
			}
			free := local("a", failing(1, &sdk.Error{Kind: kind}))
			free.Free = true
			if r := newExecutor(t, lanes(free)).Submit(context.Background(), query("x")); r.PossiblyBilled {
				t.Errorf("%s on a lane that costs nothing: %+v", kind, r)
			}
		})
	}
}
