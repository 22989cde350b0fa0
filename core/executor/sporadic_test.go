package executor_test

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/sdk"
)

// A vendor that fails a call now and then, and answers all others, is asked as
// much as one that fails none.
func TestSporadicFailuresHoldNobodyUp(t *testing.T) {
	for name, c := range map[string]struct {
		err   *sdk.Error
		part  float64 // of the calls that fail
		least float64 // of the answers without
		fixed bool    // with a fixed concurrency and no rate only
	}{
		"503":                {&sdk.Error{Kind: sdk.Overloaded, Status: 503}, 0.01, 0.95, false},
		"many 503":           {&sdk.Error{Kind: sdk.Overloaded, Status: 503}, 0.05, 0.9, false},
		"a fifth 503":        {&sdk.Error{Kind: sdk.Overloaded, Status: 503}, 0.2, 0.4, false},
		"500":                {&sdk.Error{Kind: sdk.InDoubt, Status: 500}, 0.01, 0.95, false},
		"many 500":           {&sdk.Error{Kind: sdk.InDoubt, Status: 500}, 0.05, 0.9, false},
		"429 without a time": {&sdk.Error{Kind: sdk.RateLimited, Status: 429}, 0.01, 0.9, true},
	} {
		for _, how := range []string{"fixed", "auto"} {
			if c.fixed && how != "fixed" {
				continue // a rate that is looked for falls, as it should
			}
			t.Run(name+"/"+how, func(t *testing.T) {
				cfg := executor.Config{MaxConcurrent: 100, RequestsPerSecond: new(0.0)}
				if how == "auto" {
					cfg = executor.Config{AutoConcurrent: true}
				}
				all, some := answersInTime(t, cfg, nil, 0), answersInTime(t, cfg, c.err, c.part)
				t.Logf("%d answers without failures, %d with", all, some)
				if float64(some) < c.least*float64(all) {
					t.Errorf("%d answers without failures, %d with", all, some)
				}
			})
		}
	}
}

// answersInTime returns how many answers of five seconds or so come in ten
// minutes from a vendor that fails some calls.
func answersInTime(t *testing.T, cfg executor.Config, failure *sdk.Error, part float64) (n int) {
	synctest.Test(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(7, 7))
		p := &fake{}
		p.do = func(_ context.Context, q *sdk.Query, _ int) (*sdk.Response, error) {
			p.mu.Lock()
			fails, takes := rng.Float64() < part, time.Duration(5e9*math.Exp(0.5*rng.NormFloat64()))
			p.mu.Unlock()
			if fails {
				time.Sleep(100 * time.Millisecond)
				return nil, failure
			}
			time.Sleep(takes)
			return answer(q), nil
		}
		cfg.Lanes = []route.Lane{{Name: "a", Provider: p}}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
		defer cancel()
		_, _ = newExecutor(t, cfg).Run(ctx, stream(1_000_000), func(r sdk.Result) error {
			if r.Success() {
				n++
			}
			return nil
		})
		time.Sleep(time.Minute) // calls that do not look at their context
	})
	return n
}
