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
	for how, cfg := range map[string]executor.Config{
		"fixed": {MaxConcurrent: 100, RequestsPerSecond: new(0.0)},
		"auto":  {AutoConcurrent: true},
	} {
		all := answersInTime(t, cfg, nil, 0)
		for name, c := range map[string]struct {
			kind        sdk.Kind
			part        float64 // of the calls that fail
			fixed, auto float64 // of the answers without failures there have to be
		}{
			"503":         {sdk.Overloaded, 0.01, 0.95, 0.95},
			"many 503":    {sdk.Overloaded, 0.05, 0.9, 0.9},
			"a fifth 503": {sdk.Overloaded, 0.2, 0.9, 0.9},
			"500":         {sdk.InDoubt, 0.01, 0.95, 0.95},
			"many 500":    {sdk.InDoubt, 0.05, 0.9, 0.9},
			"429":         {sdk.RateLimited, 0.01, 0.9, 0.4},
		} {
			t.Run(name+"/"+how, func(t *testing.T) {
				least := c.fixed
				if cfg.AutoConcurrent {
					least = c.auto
				}
				some := answersInTime(t, cfg, &sdk.Error{Kind: c.kind}, c.part)
				t.Logf("%.3f of the answers without failures", float64(some)/float64(all))
				if float64(some) < least*float64(all) {
					t.Errorf("%d answers without failures, %d with", all, some)
				}
			})
		}
	}
}

// answersInTime returns how many answers of five seconds or so come in
// twenty minutes from a vendor that fails some calls.
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
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
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
