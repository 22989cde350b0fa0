package executor_test

import (
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/sdk"
)

// The whole executor against a vendor whose limit it does not know, in virtual
// time. The limiter's own simulation has the full grid.
func TestAdaptiveRate(t *testing.T) {
	for name, c := range map[string]struct {
		headers, after bool
		least, refused float64 // percent
	}{
		"headers":     {true, true, 95, 0.5},
		"Retry-After": {false, true, 90, 1},
		"blind":       {false, false, 80, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const rate, minutes = 10.0, 20
				rng := rand.New(rand.NewPCG(9, 9))
				level, last := rate, time.Now() // a bucket of one second
				granted, refused := 0, 0
				p := &fake{}
				p.do = func(_ context.Context, q *sdk.Query, _ int) (*sdk.Response, error) {
					p.mu.Lock()
					level = min(rate, level+time.Since(last).Seconds()*rate)
					last = time.Now()
					var told *sdk.RateLimit
					ok := level >= 1
					if ok {
						level--
						granted++
					} else {
						refused++
					}
					if c.headers {
						told = &sdk.RateLimit{Requests: sdk.Window{Limit: new(int64(60 * rate)), Remaining: new(int64(59*rate + level)),
							Reset: new(time.Duration((rate - level) / rate * float64(time.Second)).Round(time.Millisecond))}}
					}
					latency := time.Duration(8e8 * math.Exp(0.5*rng.NormFloat64()))
					p.mu.Unlock()
					if !ok {
						err := &sdk.Error{Kind: sdk.RateLimited, RateLimit: told}
						if c.after {
							err.RetryAfter = new(time.Second)
						}
						return nil, err
					}
					time.Sleep(latency)
					r := answer(q)
					r.RateLimit = told
					return r, nil
				}
				e := newExecutor(t, executor.Config{Lanes: []route.Lane{{Name: "a", Provider: p}}, MaxConcurrent: 200})
				ctx, cancel := context.WithTimeout(context.Background(), minutes*time.Minute)
				defer cancel()
				_, _ = e.Run(ctx, stream(1_000_000), nil)
				time.Sleep(time.Minute) // calls that do not look at their context
				used, lost := 100*float64(granted)/(rate*minutes*60), 100*float64(refused)/float64(granted+refused)
				t.Logf("%.1f %% used, %.2f %% refused", used, lost)
				if used < c.least || lost > c.refused {
					t.Errorf("%.1f %% used, %.2f %% refused", used, lost)
				}
			})
		})
	}
}

func TestMemoryDoesNotGrowWithTheInput(t *testing.T) {
	heap := func(n int) uint64 {
		p := sdk.ProviderFunc(func(_ context.Context, q *sdk.Query) (*sdk.Response, error) { return answer(q), nil })
		e := newExecutor(t, lanes(local("a", p)))
		most, seen := uint64(0), 0
		_, err := e.Run(context.Background(), stream(n), func(sdk.Result) error {
			if seen++; seen == n/2 || seen == n-1 {
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
			return nil
		})
		if err != nil || seen != n {
			t.Fatalf("%d results, error %v", seen, err)
		}
		return most
	}
	small, large := heap(10_000), heap(300_000)
	if large > small+1<<20 {
		t.Errorf("%d bytes with 10,000 queries, %d with 300,000", small, large)
	}
}

// Nor with the queries that are submitted one by one.
func TestMemoryDoesNotGrowWithWhatIsSubmitted(t *testing.T) {
	p := sdk.ProviderFunc(func(_ context.Context, q *sdk.Query) (*sdk.Response, error) { return answer(q), nil })
	e := newExecutor(t, lanes(local("a", p)))
	heap := func(n int) uint64 {
		for range n {
			if r := e.Submit(context.Background(), query("x")); !r.Success() {
				t.Fatalf("result %+v", r)
			}
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		runtime.KeepAlive(e)
		return m.HeapAlloc
	}
	few, many := heap(100), heap(10_000)
	if many > few+1<<20 {
		t.Errorf("%d bytes after 100 queries, %d after 10,000 more", few, many)
	}
}
