package executor_test

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/sdk"
)

// realTime reports whether timings are to be met exactly. The machine has to be
// quiet then.
func realTime() bool { return os.Getenv("CORTEX_REALTIME") != "" }

// hardBucket is a provider with a limit that it enforces.
type hardBucket struct {
	mu      sync.Mutex
	rate    float64
	size    float64
	level   float64
	last    time.Time
	refused int
}

func (h *hardBucket) Complete(_ context.Context, q *sdk.Query) (*sdk.Response, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	if h.last.IsZero() {
		h.level = h.size
	} else {
		h.level = min(h.size, h.level+now.Sub(h.last).Seconds()*h.rate)
	}
	h.last = now
	if h.level < 1 {
		h.refused++
		return nil, &sdk.Error{Kind: sdk.RateLimited, Status: 429}
	}
	h.level--
	return answer(q), nil
}

// In real time, with real timers: the rate is met, and never passed.
func TestConfiguredRateInRealTime(t *testing.T) {
	n, slack := 100, 3*1.03 // a busy machine is no failure
	if realTime() {
		n, slack = 300, 1.03
	}
	h := &hardBucket{rate: 50, size: 5}
	e := newExecutor(t, executor.Config{Lanes: []route.Lane{{Name: "a", Provider: h}}, RequestsPerSecond: new(50.0)})
	b := batch(t, e, queries(n))
	ideal := time.Duration(float64(n) / 50 * float64(time.Second))
	t.Logf("%.3f x ideal", b.TotalTime.Seconds()/ideal.Seconds())
	if h.refused > 0 || b.TotalTime.Seconds() > slack*ideal.Seconds() {
		t.Errorf("%d refused, took %v, at best %v", h.refused, b.TotalTime, ideal)
	}
}

// greedy is the makespan of a schedule without any overhead.
func greedy(latencies []time.Duration, workers int) time.Duration {
	free := make([]time.Duration, workers)
	for _, d := range latencies {
		first := 0
		for i := range free {
			if free[i] < free[first] {
				first = i
			}
		}
		free[first] += d
	}
	var end time.Duration
	for _, d := range free {
		end = max(end, d)
	}
	return end
}

// 2,000 lognormal latencies, 64 at once, beside a schedule without any
// overhead: exactly in virtual time, and in real time with some patience.
func TestMakespanOfLognormalLatencies(t *testing.T) {
	measure := func(t *testing.T, most float64) {
		rng := rand.New(rand.NewPCG(3, 5))
		latencies := make([]time.Duration, 2000)
		for i := range latencies {
			latencies[i] = time.Duration(50e6 * math.Exp(rng.NormFloat64()))
		}
		p := &fake{do: func(_ context.Context, q *sdk.Query, n int) (*sdk.Response, error) {
			time.Sleep(latencies[n-1])
			return answer(q), nil
		}}
		e := newExecutor(t, executor.Config{Lanes: []route.Lane{local("a", p)}, MaxConcurrent: 64})
		b := batch(t, e, queries(len(latencies)))
		ideal := greedy(latencies, 64)
		t.Logf("%.3f x ideal (%v)", b.TotalTime.Seconds()/ideal.Seconds(), ideal)
		if b.TotalTime.Seconds() > most*ideal.Seconds() {
			t.Errorf("took %v, at best %v", b.TotalTime, ideal)
		}
	}
	synctest.Test(t, func(t *testing.T) { measure(t, 1.03) })
	slack := 3.0
	if realTime() {
		slack = 1
	}
	measure(t, 1.03*slack)
}
