package executor_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/price"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/sdk"
)

// Two runs and a crowd of submitted queries on one executor with one budget and
// two lanes; one run is canceled at some moment, callbacks panic now and then,
// sinks are slow, calls are lost. Each query has one result, and what the vendor
// has to be paid for is never more than the budget.
func TestNothingIsLostOrOverspentWhateverHappens(t *testing.T) {
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 11))
			var mu sync.Mutex
			var spent sdk.Money
			draw := func(n int) int {
				mu.Lock()
				defer mu.Unlock()
				return rng.IntN(n)
			}
			vendor := sdk.ProviderFunc(func(ctx context.Context, q *sdk.Query) (*sdk.Response, error) {
				usage := sdk.Usage{PromptTokens: int64(q.PromptBytes()), CompletionTokens: int64(draw(*q.MaxTokens + 1))}
				outcome := draw(12)
				if outcome == 0 {
					return nil, &sdk.Error{Kind: sdk.RateLimited}
				}
				mu.Lock()
				spent += price.PerMillion(1000, 1000).Cost(usage)
				mu.Unlock()
				select {
				case <-time.After(time.Duration(draw(200)) * time.Millisecond):
				case <-ctx.Done():
					return nil, ctx.Err()
				}
				switch outcome {
				case 1:
					return nil, &sdk.Error{Kind: sdk.InDoubt, Usage: &sdk.Usage{PromptTokens: 1}}
				case 2:
					panic("the provider's mood")
				}
				r := answer(q)
				r.Usage = &usage
				return r, nil
			})
			limit := sdk.MoneyFromUSD(2 + 10*rng.Float64())
			e := newExecutor(t, executor.Config{
				Lanes: []route.Lane{local("a", vendor), local("b", vendor)}, Routes: route.Table{route.AnyTask: {"a", "b"}},
				MaxConcurrent: 1 + rng.IntN(12), LookAhead: 1 + rng.IntN(30), Prices: book(1000, 1000), Budget: price.Limits{MaxCost: &limit},
				Drain: time.Duration(rng.IntN(3)-1) * 50 * time.Millisecond,
				OnResult: func(r sdk.Result) {
					if r.Index%17 == 3 {
						panic("the callback's mood")
					}
				},
			})
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(time.Duration(draw(1500))*time.Millisecond, cancel)
			var all sync.WaitGroup
			for _, ctx := range []context.Context{ctx, context.Background()} {
				all.Go(func() {
					seen := map[int64]bool{}
					s, _ := e.Run(ctx, func(yield func(sdk.Query, error) bool) {
						for _, q := range bounded(60, 50) {
							if !yield(q, nil) {
								return
							}
						}
					}, func(r sdk.Result) error {
						if seen[r.Index] || r.Response == nil && r.Error == nil {
							t.Errorf("seed %d: %+v", seed, r)
						}
						seen[r.Index] = true
						time.Sleep(time.Duration(draw(20)) * time.Millisecond)
						return nil
					})
					if s.SuccessCount+s.FailureCount+s.UnsentCount != len(seen) {
						t.Errorf("seed %d: %d results, %+v", seed, len(seen), s.Totals)
					}
				})
			}
			for i := range 20 {
				all.Go(func() {
					time.Sleep(time.Duration(draw(1500)) * time.Millisecond)
					q := bounded(1, 50)[0]
					q.ID, q.Priority = fmt.Sprint("submitted", i), draw(3)
					if r := e.Submit(context.Background(), q); r.QueryID != q.ID || r.Response == nil && r.Error == nil {
						t.Errorf("seed %d: %+v", seed, r)
					}
				})
			}
			all.Wait()
			if spent > limit {
				t.Errorf("seed %d: spent %v of %v", seed, spent, limit)
			}
			if s := e.Stats(); s.Held != (price.Hold{}) || s.InFlight != 0 || s.Queued != 0 || s.Spent.Cost > limit {
				t.Errorf("seed %d: at the end %+v", seed, s)
			}
		})
	}
}

// The results that were there when the caller gave up are the ones that the
// sink has, each once, and the summary counts them.
func TestCancelAtAnyMomentKeepsEveryResult(t *testing.T) {
	for seed := range 100 {
		synctest.Test(t, func(t *testing.T) {
			gone := errors.New("the caller left")
			answered := 0
			p := taking(10 * time.Millisecond)
			do := p.do
			p.do = func(ctx context.Context, q *sdk.Query, n int) (*sdk.Response, error) {
				r, err := do(ctx, q, n)
				if err == nil {
					p.mu.Lock()
					answered++
					p.mu.Unlock()
				}
				return r, err
			}
			ctx, cancel := context.WithCancelCause(context.Background())
			time.AfterFunc(time.Duration(seed)*3*time.Millisecond, func() { cancel(gone) })
			b, err := newExecutor(t, lanes(local("a", p))).ExecuteBatch(ctx, queries(200))
			if b.SuccessCount != answered || len(b.SuccessfulResponses()) != answered {
				t.Errorf("%d answers, %d in the batch", answered, b.SuccessCount)
			}
			if b.SuccessCount < 200 && !errors.Is(err, gone) {
				t.Errorf("error %v", err)
			}
		})
	}
}
