package executor_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/sdk"
)

// keepsPromise fails if any window of t holds more than burst + rate*t starts.
func keepsPromise(t *testing.T, starts []time.Duration, rate float64, burst int) {
	t.Helper()
	for i := range starts {
		for j := i; j < len(starts); j++ {
			window := (starts[j] - starts[i]).Seconds()
			if n := float64(j - i + 1); n > float64(burst)+rate*window+1e-6 {
				t.Fatalf("%v starts within %.3f s from %v: more than %d + %v/s", n, window, starts[i], burst, rate)
			}
		}
	}
}

// The ancestor's limiter issued twice the configured rate.
func TestConfiguredRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &fake{}
		b := batch(t, newExecutor(t, executor.Config{
			Lanes: []route.Lane{{Name: "a", Provider: p}}, RequestsPerSecond: new(5.0),
		}), queries(60))
		keepsPromise(t, p.starts(), 5, 1)
		if rate := 59 / b.TotalTime.Seconds(); rate < 4.8 || rate > 5.1 {
			t.Errorf("%.2f sends a second", rate)
		}
	})
}

func TestRetriesAreSendsToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := failing(30, &sdk.Error{Kind: sdk.RateLimited, RetryAfter: new(time.Duration(0))})
		batch(t, newExecutor(t, executor.Config{
			Lanes: []route.Lane{{Name: "a", Provider: p}}, RequestsPerSecond: new(5.0),
		}), queries(30))
		if p.count() != 60 {
			t.Errorf("%d sends", p.count())
		}
		keepsPromise(t, p.starts(), 5, 1)
	})
}

func TestRateByRule(t *testing.T) {
	for name, c := range map[string]struct {
		lane   route.Lane
		rate   *float64
		burst  int
		atOnce int // sends at the start
	}{
		"remote, unset":         {route.Lane{}, nil, 0, 5},
		"remote, configured":    {route.Lane{}, new(5.0), 0, 1},
		"remote, burst":         {route.Lane{}, new(5.0), 3, 3},
		"remote, off":           {route.Lane{}, new(0.0), 0, 40},
		"local, unset":          {route.Lane{Local: true}, nil, 0, 40},
		"local, configured":     {route.Lane{Local: true}, new(5.0), 0, 1},
		"local, declared":       {route.Lane{Local: true, Limits: sdk.Limits{RequestsPerSecond: 5}}, nil, 0, 1},
		"remote, declared less": {route.Lane{Limits: sdk.Limits{RequestsPerSecond: 1}}, new(5.0), 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &fake{}
				c.lane.Name, c.lane.Provider = "a", p
				ctx, cancel := context.WithTimeout(context.Background(), 150*time.Millisecond)
				defer cancel()
				e := newExecutor(t, executor.Config{Lanes: []route.Lane{c.lane}, RequestsPerSecond: c.rate, Burst: c.burst})
				_, _ = e.ExecuteBatch(ctx, queries(40))
				if p.count() != c.atOnce {
					t.Errorf("%d sends at once, want %d", p.count(), c.atOnce)
				}
			})
		})
	}
}

// A share of a limit that a provider declares leaves the rest to others; a rate
// that somebody asks for is what it is.
func TestShareOfDeclaredLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lane := route.Lane{Name: "a", Provider: &fake{}, Limits: sdk.Limits{RequestsPerSecond: 10, TokensPerMinute: 60_000}}
		cfg := executor.Config{Lanes: []route.Lane{lane}, Share: 0.5}
		plan := func() executor.Plan {
			p, err := newExecutor(t, cfg).Plan(context.Background(), stream(100))
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		if p := plan(); p.Limit != "tokens" || p.Duration < 95*time.Second || p.Duration > 105*time.Second {
			t.Errorf("half of 60,000 tokens a minute: %v by %s", p.Duration, p.Limit)
		}
		cfg.Lanes[0].Limits.TokensPerMinute = 0
		if p := plan(); p.Limit != "concurrency" || newExecutor(t, cfg).Stats().Lanes[0].Rate > 5 {
			t.Errorf("half of 10 a second: %v by %s", p.Duration, p.Limit)
		}
		cfg.RequestsPerSecond = new(8.0)
		if rate := newExecutor(t, cfg).Stats().Lanes[0].Rate; rate > 5 {
			t.Errorf("half of 10 a second: %v", rate)
		}
		cfg.Lanes[0].Limits = sdk.Limits{}
		if rate := newExecutor(t, cfg).Stats().Lanes[0].Rate; rate < 7.9 {
			t.Errorf("8 a second: %v", rate)
		}
	})
}

// The ancestor's concurrency was capped by a pool of six threads.
func TestConcurrencyIsWhatIsAskedFor(t *testing.T) {
	for _, n := range []int{1, 5, 64, 500} {
		synctest.Test(t, func(t *testing.T) {
			p := taking(time.Second)
			b := batch(t, newExecutor(t, executor.Config{Lanes: []route.Lane{local("a", p)}, MaxConcurrent: n}), queries(4*n))
			if p.most != n {
				t.Errorf("%d in flight, want %d", p.most, n)
			}
			if b.TotalTime > 4*time.Second+50*time.Millisecond {
				t.Errorf("took %v", b.TotalTime)
			}
		})
	}
}

func TestProvidersOwnConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := taking(time.Second)
		lane := local("a", p)
		lane.Limits.MaxConcurrent = 2
		batch(t, newExecutor(t, executor.Config{Lanes: []route.Lane{lane}, MaxConcurrent: 10}), queries(20))
		if p.most != 2 {
			t.Errorf("%d in flight, want 2", p.most)
		}
	})
}

func TestTokensPerMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &fake{do: func(_ context.Context, q *sdk.Query, _ int) (*sdk.Response, error) {
			r := answer(q)
			r.Usage = &sdk.Usage{PromptTokens: 100, CompletionTokens: 100}
			return r, nil
		}}
		lane := local("a", p)
		lane.Limits.TokensPerMinute = 6000 // 100 a second: one query in two
		b := batch(t, newExecutor(t, lanes(lane)), queries(60))
		if b.TotalTime < 110*time.Second || b.TotalTime > 130*time.Second {
			t.Errorf("12,000 tokens at 6,000 a minute took %v", b.TotalTime)
		}
		q := query("big")
		q.MaxTokens = new(7000)
		r := newExecutor(t, lanes(lane)).Submit(context.Background(), q)
		if r.Error == nil || r.Error.Kind != sdk.TooLarge || r.Attempts != 0 {
			t.Errorf("a query that never fits: %+v", r)
		}
	})
}

// A retry that waits must not keep others from being sent.
func TestSleepingRetryHoldsNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &fake{do: func(_ context.Context, q *sdk.Query, n int) (*sdk.Response, error) {
			if q.ID == "q0" && n == 1 {
				return nil, &sdk.Error{Kind: sdk.Conflict, RetryAfter: new(time.Minute)}
			}
			time.Sleep(time.Second)
			return answer(q), nil
		}}
		e := newExecutor(t, executor.Config{Lanes: []route.Lane{local("a", p)}, MaxConcurrent: 1})
		var order []string
		_, err := e.Run(context.Background(), stream(10), func(r sdk.Result) error {
			order = append(order, r.QueryID)
			return nil
		})
		if err != nil || len(order) != 10 || order[9] != "q0" {
			t.Errorf("order %v, error %v", order, err)
		}
		if at := p.starts()[10]; at < time.Minute || at > 61*time.Second {
			t.Errorf("sent again after %v", at)
		}
	})
}
