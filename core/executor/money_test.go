package executor_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/price"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/sdk"
)

func book(input, output float64) *price.Book {
	b := &price.Book{}
	b.Set("", "", price.PerMillion(input, output))
	return b
}

func bounded(n, maxTokens int) []sdk.Query {
	list := queries(n)
	for i := range list {
		list[i].MaxTokens = &maxTokens
	}
	return list
}

// A thousand seeds of concurrent spending, with usage above what was learned:
// never one cent over.
func TestBudgetHolds(t *testing.T) {
	for seed := range uint64(1000) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 7))
			var spent sdk.Money
			rate := price.PerMillion(1000, 2000)
			p := &fake{}
			p.do = func(_ context.Context, q *sdk.Query, n int) (*sdk.Response, error) {
				p.mu.Lock()
				outcome, latency, part := rng.IntN(10), rng.IntN(50), rng.Float64()
				p.mu.Unlock()
				time.Sleep(time.Duration(latency) * time.Millisecond)
				r := answer(q)
				r.Usage = &sdk.Usage{PromptTokens: int64(q.PromptBytes()), CompletionTokens: int64(float64(*q.MaxTokens) * (1 - part*part))}
				p.mu.Lock()
				defer p.mu.Unlock()
				switch outcome {
				case 0: // paid for, and nobody knows
					spent += rate.Cost(*r.Usage)
					return nil, &sdk.Error{Kind: sdk.InDoubt}
				case 3: // nor here, though it looks as if
					spent += rate.Cost(*r.Usage)
					return nil, &sdk.Error{Kind: sdk.InDoubt, Usage: &sdk.Usage{PromptTokens: 1}}
				case 1:
					return nil, &sdk.Error{Kind: sdk.RateLimited, RetryAfter: new(time.Millisecond)}
				case 2:
					spent += rate.Cost(*r.Usage)
					r.Usage = nil // not reported
					return r, nil
				}
				spent += rate.Cost(*r.Usage)
				return r, nil
			}
			limit := sdk.MoneyFromUSD(1 + rng.Float64()*5)
			before := sdk.MoneyFromUSD(0.5)
			e := newExecutor(t, executor.Config{
				Lanes: []route.Lane{local("a", p)}, MaxConcurrent: 1 + rng.IntN(20), Prices: book(1000, 2000),
				Budget: price.Limits{MaxCost: &limit, SpentCost: before},
			})
			b, err := e.ExecuteBatch(context.Background(), bounded(60, 100))
			if spent+before > limit {
				t.Fatalf("seed %d: spent %v of %v", seed, spent+before, limit)
			}
			if b.FailureCount > 0 && err != nil && !errors.Is(err, sdk.BudgetExhausted) {
				t.Fatalf("seed %d: %v", seed, err)
			}
		})
	}
}

func TestBudgetStopsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := taking(time.Second)
		limit := price.PerMillion(1, 1).Bound(15+16, 50).Times(10)
		e := newExecutor(t, executor.Config{Lanes: []route.Lane{local("a", p)}, Prices: book(1, 1), Budget: price.Limits{MaxCost: &limit}})
		b, err := e.ExecuteBatch(context.Background(), bounded(1000, 50))
		if !errors.Is(err, sdk.BudgetExhausted) || !strings.Contains(err.Error(), "spent") || b.Stopped == "" {
			t.Errorf("error %v, stopped %q", err, b.Stopped)
		}
		// Usage is a sixth of the bound, so that more than ten fit.
		if b.SuccessCount < 20 || b.TotalCost > limit || b.TotalCost == 0 {
			t.Errorf("%d successes for %v of %v", b.SuccessCount, b.TotalCost, limit)
		}
	})
}

func TestQueriesThatABudgetCannotHold(t *testing.T) {
	limit := sdk.MoneyFromUSD(0.001)
	budget := price.Limits{MaxCost: &limit}
	for name, c := range map[string]struct {
		cfg  executor.Config
		q    sdk.Query
		kind sdk.Kind
		want string
	}{
		"unknown price":   {executor.Config{Budget: budget}, bounded(1, 10)[0], sdk.InvalidRequest, "price of model"},
		"unbounded reply": {executor.Config{Budget: budget, Prices: book(1, 1)}, query("x"), sdk.InvalidRequest, "set max_tokens"},
		"too dear":        {executor.Config{Budget: budget, Prices: book(1, 1)}, bounded(1, 10_000)[0], sdk.TooLarge, "more than the whole budget"},
		"too many tokens": {executor.Config{Budget: price.Limits{MaxTokens: 100}}, bounded(1, 1000)[0], sdk.TooLarge, "more than the whole budget"},
	} {
		p := &fake{}
		c.cfg.Lanes = []route.Lane{local("a", p)}
		e := newExecutor(t, c.cfg)
		r, other := e.Submit(context.Background(), c.q), e.Submit(context.Background(), c.q)
		if r.Error == other.Error {
			t.Errorf("%s: two results have one error", name)
		}
		if r.Error == nil || r.Error.Kind != c.kind || !strings.Contains(r.Error.Message, c.want) || p.count() != 0 {
			t.Errorf("%s: %+v after %d calls", name, r, p.count())
		}
	}
	free := route.Lane{Name: "a", Provider: &fake{}, Local: true, Free: true}
	r := newExecutor(t, executor.Config{Lanes: []route.Lane{free}, Budget: budget}).Submit(context.Background(), query("unbounded"))
	if !r.Success() || *r.Response.Cost != 0 {
		t.Errorf("a free lane: %+v", r)
	}
}

func TestCosts(t *testing.T) {
	reported := sdk.MoneyFromUSD(0.5)
	for name, c := range map[string]struct {
		prices *price.Book
		cost   *sdk.Money
		want   *sdk.Money
	}{
		"unknown":         {nil, nil, nil},
		"from the list":   {book(1, 2), nil, new(sdk.MoneyFromUSD(20e-6))},
		"as it was given": {book(1, 2), &reported, &reported},
	} {
		p := &fake{do: func(_ context.Context, q *sdk.Query, _ int) (*sdk.Response, error) {
			r := answer(q)
			r.Cost = c.cost
			return r, nil
		}}
		b := batch(t, newExecutor(t, executor.Config{Lanes: []route.Lane{local("a", p)}, Prices: c.prices}), queries(1))
		got := b.Results[0].Response.Cost
		if (got == nil) != (c.want == nil) || got != nil && (*got != *c.want || b.TotalCost != *c.want) || (b.UnknownCosts == 1) != (c.want == nil) {
			t.Errorf("%s: cost %v, want %v: %+v", name, got, c.want, b.Totals)
		}
	}
}
