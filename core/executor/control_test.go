package executor_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/limiter"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/sdk"
)

func TestControlsWhileRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := taking(time.Second)
		e := newExecutor(t, executor.Config{Lanes: []route.Lane{local("a", p)}, MaxConcurrent: 2})
		done := make(chan error)
		go func() {
			_, err := e.Run(context.Background(), stream(1_000_000), nil)
			done <- err
		}()
		sentIn := func(d time.Duration) int {
			before := p.count()
			time.Sleep(d)
			return p.count() - before
		}
		time.Sleep(10500 * time.Millisecond)
		if n := sentIn(10 * time.Second); n != 20 {
			t.Errorf("2 at once: %d sent in 10 s", n)
		}
		if err := e.SetMaxConcurrent(20); err != nil {
			t.Fatal(err)
		}
		if n := sentIn(10 * time.Second); n < 190 || n > 220 {
			t.Errorf("20 at once: %d sent in 10 s", n)
		}
		e.Pause()
		time.Sleep(time.Second)
		if n := sentIn(10 * time.Second); n != 0 || !e.Stats().Paused {
			t.Errorf("paused: %d sent in 10 s", n)
		}
		e.Resume()
		if err := e.SetRequestsPerSecond("a", 4); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		if n := sentIn(10 * time.Second); n < 39 || n > 40 {
			t.Errorf("4 a second: %d sent in 10 s", n)
		}
		if s := e.Stats().Lanes[0]; s.Waiting != "requests" || s.Waits["requests"] < 5*time.Second || s.Rate < 3.9 {
			t.Errorf("statistics %+v", s)
		}
		e.Stop()
		if err := <-done; !errors.Is(err, executor.ErrStopped) {
			t.Errorf("error %v", err)
		}
		if e.SetRequestsPerSecond("b", 1) == nil || e.SetRequestsPerSecond("", -1) == nil || e.SetMaxConcurrent(0) == nil {
			t.Error("a wrong setting was accepted")
		}
	})
}

// A server with eight workers: more calls at once only wait longer.
func TestAutoConcurrency(t *testing.T) {
	for _, workers := range []int{1, 8, 100} {
		synctest.Test(t, func(t *testing.T) {
			slots := make(chan struct{}, workers)
			p := &fake{do: func(_ context.Context, q *sdk.Query, _ int) (*sdk.Response, error) {
				slots <- struct{}{}
				time.Sleep(100 * time.Millisecond)
				<-slots
				return answer(q), nil
			}}
			e := newExecutor(t, executor.Config{Lanes: []route.Lane{local("a", p)}, AutoConcurrent: true})
			n := 1000 * workers
			b := batch(t, e, queries(n))
			ideal := time.Duration(n/workers) * 100 * time.Millisecond
			if b.TotalTime > ideal*110/100 {
				t.Errorf("%d workers: took %v, at best %v", workers, b.TotalTime, ideal)
			}
			if most := max(11, 6*workers); p.most > most {
				t.Errorf("%d workers: %d calls at once", workers, p.most)
			}
		})
	}
}

// A vendor that has room for all: to find that out must not take most of the time.
func TestAutoConcurrencyRisesSoon(t *testing.T) {
	var took []time.Duration
	for seed := range uint64(9) {
		synctest.Test(t, func(t *testing.T) {
			p := scattered(10*time.Second, 0.5, seed)
			took = append(took, batch(t, newExecutor(t, executor.Config{Lanes: []route.Lane{local("a", p)}, AutoConcurrent: true}), queries(1000)).TotalTime)
		})
	}
	slices.Sort(took)
	t.Log(took)
	if took[4] > 200*time.Second {
		t.Errorf("a thousand queries of ten seconds took %v", took)
	}
}

// An outage is not a sign of too many calls at once: they are as many again soon
// after it.
func TestOutageLeavesTheConcurrency(t *testing.T) {
	for name, after := range map[string]*time.Duration{"no Retry-After": nil, "Retry-After": new(time.Second)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				p := scattered(10*time.Second, 0.5, 1)
				answering := p.do
				p.do = func(ctx context.Context, q *sdk.Query, n int) (*sdk.Response, error) {
					if down := time.Since(began) - 3*time.Second; down > 0 && down < time.Minute {
						time.Sleep(100 * time.Millisecond)
						return nil, &sdk.Error{Kind: sdk.Overloaded, RetryAfter: after}
					}
					return answering(ctx, q, n)
				}
				b := batch(t, newExecutor(t, executor.Config{Lanes: []route.Lane{local("a", p)}, AutoConcurrent: true}), queries(500))
				t.Logf("%v, %d calls", b.TotalTime, p.count())
				if b.TotalTime > 6*time.Minute || p.count() > 600 {
					t.Errorf("five hundred queries of ten seconds, and a minute's outage, took %v and %d calls", b.TotalTime, p.count())
				}
			})
		})
	}
}

// Where more calls at once only wait longer, they must not wait until they are
// lost.
func TestAutoConcurrencyKeepsToTheTimeout(t *testing.T) {
	const n, seeds = 1000, 10
	lost := 0
	for seed := range uint64(seeds) {
		synctest.Test(t, func(t *testing.T) {
			one := make(chan struct{}, 1)
			p := scattered(12*time.Second, 1, seed)
			answering := p.do
			p.do = func(ctx context.Context, q *sdk.Query, n int) (*sdk.Response, error) {
				select {
				case one <- struct{}{}:
				case <-ctx.Done():
					return nil, ctx.Err()
				}
				defer func() { <-one }()
				return answering(ctx, q, n)
			}
			lost += batch(t, newExecutor(t, executor.Config{Lanes: []route.Lane{local("a", p)}, AutoConcurrent: true}), queries(n)).FailureCount
		})
	}
	t.Logf("%d of %d queries timed out", lost, seeds*n)
	if lost > seeds*n/50 {
		t.Errorf("%d of %d queries timed out", lost, seeds*n)
	}
}

// scattered returns a provider whose answers take a lognormal time.
func scattered(median time.Duration, sigma float64, seed uint64) *fake {
	rng := rand.New(rand.NewPCG(seed, 1))
	p := &fake{}
	p.do = func(_ context.Context, q *sdk.Query, _ int) (*sdk.Response, error) {
		p.mu.Lock()
		takes := time.Duration(float64(median) * math.Exp(sigma*rng.NormFloat64()))
		p.mu.Unlock()
		time.Sleep(takes)
		return answer(q), nil
	}
	return p
}

func TestStatistics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 1))
		p := &fake{}
		p.do = func(_ context.Context, q *sdk.Query, n int) (*sdk.Response, error) {
			p.mu.Lock()
			d := time.Duration(rng.IntN(1000)) * time.Millisecond
			p.mu.Unlock()
			time.Sleep(d)
			if n%10 == 0 {
				return nil, &sdk.Error{Kind: sdk.RateLimited, RetryAfter: new(time.Duration(0))}
			}
			r := answer(q)
			r.ModelServed = "m-2026"
			return r, nil
		}
		lane := local("a", p)
		lane.Model = "m"
		b := batch(t, newExecutor(t, executor.Config{Lanes: []route.Lane{lane}, MaxConcurrent: 50}), queries(2000))
		s := b.Lanes[0]
		if s.Name != "a" || s.Model != "m" || s.SuccessCount != 2000 || s.Attempts != p.count() || s.RateLimited != p.count()/10 || s.Served["m-2026"] != 2000 {
			t.Errorf("statistics %+v", s)
		}
		for _, c := range []struct{ got, want time.Duration }{
			{s.Latency.P50, 500 * time.Millisecond}, {s.Latency.P95, 950 * time.Millisecond}, {s.Latency.P99, 990 * time.Millisecond}, {s.Latency.Mean, 500 * time.Millisecond},
		} {
			if diff := (c.got - c.want).Abs(); diff > 40*time.Millisecond {
				t.Errorf("latency %v, want about %v", c.got, c.want)
			}
		}
		data, err := json.Marshal(b.Summary)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{`"success_count":2000`, `"total_tokens":30000`, `"total_time":`, `"total_cost":null`, `"p95":0.9`, `"rate_limited":`} {
			if !strings.Contains(string(data), want) {
				t.Errorf("no %s in %s", want, data)
			}
		}
	})
}

// A vendor that names another model in each reply does not fill the memory.
func TestModelsServedAreBounded(t *testing.T) {
	p := &fake{do: func(_ context.Context, q *sdk.Query, n int) (*sdk.Response, error) {
		r := answer(q)
		r.ModelServed = q.ID
		return r, nil
	}}
	b := batch(t, newExecutor(t, executor.Config{Lanes: []route.Lane{local("a", p)}, Prices: book(1, 1)}), queries(1000))
	served := b.Lanes[0].Served
	if len(served) > 101 || served["(others)"] != 900 || b.UnknownCosts != 0 {
		t.Errorf("%d models, %d others, %d unknown costs", len(served), served["(others)"], b.UnknownCosts)
	}
}

// The name of the model that answered does not keep the whole reply, of which it
// is a part where it came from a plugin.
func TestAModelServedKeepsNoReply(t *testing.T) {
	p := &fake{do: func(_ context.Context, q *sdk.Query, n int) (*sdk.Response, error) {
		r := answer(q)
		message := strings.Repeat(fmt.Sprintf("%08d", n%10), 1<<17)
		r.Content, r.ModelServed = message[8:], message[:8]
		return r, nil
	}}
	e := newExecutor(t, executor.Config{Lanes: []route.Lane{local("a", p)}, Prices: book(1, 1)})
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	if _, err := e.Run(t.Context(), stream(20), nil); err != nil {
		t.Fatal(err)
	}
	after := heap()
	if n := len(e.Stats().Lanes[0].Served); n != 10 || after > before+5<<20 {
		t.Errorf("%d models served hold %d bytes", n, after-before)
	}
}

// restless is a provider whose process was started again.
type restless struct{ *fake }

func (restless) Restarts() int { return 3 }
func (restless) Lost() int     { return 2 }

func (restless) BrokenStreams() int { return 2 }

func TestUtilisation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lane := route.Lane{Name: "a", Provider: restless{taking(time.Second)}, Limits: sdk.Limits{TokensPerMinute: 90_000}}
		e := newExecutor(t, executor.Config{Lanes: []route.Lane{lane}, MaxConcurrent: 20, RequestsPerSecond: new(10.0)})
		qs := bounded(600, 100)
		batch(t, e, qs)
		time.Sleep(time.Hour) // idle time does not count
		s := e.Stats().Lanes[0]
		for limit, want := range map[limiter.Cause]float64{executor.Concurrency: 0.5, limiter.Requests: 0.98, limiter.Tokens: 0.1} {
			if got, ok := s.Utilisation[limit]; !ok || got < want-0.02 || got > want+0.02 {
				t.Errorf("%s: %.3f used, want %.2f", limit, got, want)
			}
		}
		if s.Restarts != 3 || s.Lost != 2 || s.BrokenStreams != 2 {
			t.Errorf("%d restarts, %d broken streams", s.Restarts, s.BrokenStreams)
		}
	})
}

// What was foretold is laid beside what came of it, and is the same as what a
// dry run says, however much the run has learned.
func TestPredictionStandsBesideTheOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := executor.Config{Lanes: []route.Lane{{Name: "a", Model: "m", Provider: taking(time.Second)}}, Prices: book(1, 2), RequestsPerSecond: new(2.0), LookAhead: 5}
		input := func(yield func(sdk.Query, error) bool) {
			for _, q := range bounded(100, 1000) {
				if !yield(q, nil) {
					return
				}
			}
			_ = yield(sdk.Query{ID: "bad"}, nil) && yield(sdk.Query{}, &sdk.ItemError{ID: "worse"})
		}
		plan, err := newExecutor(t, cfg).Plan(context.Background(), input)
		if err != nil {
			t.Fatal(err)
		}
		s, err := newExecutor(t, cfg).Run(context.Background(), input, func(sdk.Result) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Predicted; plan.Queries != 100 || plan.Invalid != 2 || shown(got) != shown(plan) {
			t.Errorf("predicted %s\nplanned %s", shown(got), shown(plan))
		}
	})
}

// shown is a plan as JSON.
func shown(p executor.Plan) string {
	data, err := json.Marshal(p)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// shout accepts answers in capitals only.
type shout struct{}

func (shout) Check(_ *sdk.Query, r *sdk.Response) *sdk.Error {
	if r.Content != strings.ToUpper(r.Content) {
		return &sdk.Error{Kind: sdk.BadResponse, Message: "not loud enough"}
	}
	return nil
}

func (shout) Repair(q *sdk.Query, _ *sdk.Response, problem *sdk.Error) *sdk.Query {
	again := *q
	again.Messages = append(again.Messages[:1:1], sdk.Message{Role: sdk.User, Text: problem.Message})
	return &again
}

func TestChecker(t *testing.T) {
	for name, c := range map[string]struct {
		replies  []string
		retry    bool
		attempts int
		ok       bool
	}{
		"right at once":    {[]string{"YES"}, true, 1, true},
		"right when asked": {[]string{"yes", "YES"}, true, 2, true},
		"never":            {[]string{"yes", "yes", "YES"}, true, 2, false},
		"never sent twice": {[]string{"yes", "YES"}, false, 1, false},
	} {
		p := &fake{do: func(_ context.Context, q *sdk.Query, n int) (*sdk.Response, error) {
			if n == 2 && (len(q.Messages) != 2 || q.Messages[1].Text != "not loud enough") {
				t.Errorf("%s: asked again with %+v", name, q.Messages)
			}
			r := answer(q)
			r.Content = c.replies[n-1]
			return r, nil
		}}
		q := query("x")
		q.ResponseFormat = &sdk.ResponseFormat{Name: "shout", Schema: json.RawMessage("{}")}
		e := newExecutor(t, executor.Config{Lanes: []route.Lane{{Name: "a", Provider: p, Local: true, Free: true}}, Checker: shout{}, RetryFailed: &c.retry})
		r := e.Submit(context.Background(), q)
		if r.Success() != c.ok || r.Attempts != c.attempts || r.Response == nil || r.Response.Usage.TotalTokens() != int64(15*c.attempts) {
			t.Errorf("%s: %+v", name, r)
		}
		if !c.ok && r.Error.Kind != sdk.BadResponse {
			t.Errorf("%s: %v", name, r.Error)
		}
	}
}

// What starts at once is not waited for, and nothing takes less than a call.
func TestPlanKnowsBurstAndSlots(t *testing.T) {
	for name, c := range map[string]struct {
		cfg   executor.Config
		own   int // calls at once that the provider declares
		n     int
		least float64
		most  float64
		limit string
	}{
		"one call":           {executor.Config{MaxConcurrent: 5}, 0, 1, 1.9, 2.1, "concurrency"},
		"within the burst":   {executor.Config{RequestsPerSecond: new(1.0), Burst: 20, MaxConcurrent: 20}, 0, 20, 1.9, 2.1, "concurrency"},
		"beyond the burst":   {executor.Config{RequestsPerSecond: new(1.0), Burst: 20, MaxConcurrent: 20}, 0, 30, 11.5, 12.5, "requests"},
		"without a burst":    {executor.Config{RequestsPerSecond: new(1.0), MaxConcurrent: 20}, 0, 30, 30, 32, "requests"},
		"provider's own end": {executor.Config{RequestsPerSecond: new(0.0), MaxConcurrent: 20}, 2, 30, 29, 31, "concurrency"},
	} {
		c.cfg.Lanes = []route.Lane{{Name: "a", Provider: &fake{}, Limits: sdk.Limits{MaxConcurrent: c.own}}}
		plan, err := newExecutor(t, c.cfg).Plan(context.Background(), stream(c.n))
		if took := plan.Duration.Seconds(); err != nil || took < c.least || took > c.most || plan.Limit != c.limit {
			t.Errorf("%s: %v because of %s, error %v; want %v to %v because of %s", name, plan.Duration, plan.Limit, err, c.least, c.most, c.limit)
		}
	}
}

func TestPlanCallsNobody(t *testing.T) {
	p := &fake{}
	lane := route.Lane{Name: "a", Provider: p, Model: "m"}
	cfg := executor.Config{Lanes: []route.Lane{lane}, Prices: book(1, 2), RequestsPerSecond: new(2.0)}
	input := func(yield func(sdk.Query, error) bool) {
		for _, q := range bounded(100, 1000) {
			if !yield(q, nil) {
				return
			}
		}
		_ = yield(sdk.Query{ID: "bad"}, nil) && yield(sdk.Query{}, &sdk.ItemError{ID: "worse"})
	}
	plan, err := newExecutor(t, cfg).Plan(context.Background(), input)
	if err != nil || p.count() != 0 {
		t.Fatalf("error %v, %d calls", err, p.count())
	}
	if plan.Queries != 100 || plan.Invalid != 2 || plan.Lanes["a"] != 100 || plan.PromptTokens < 300 || plan.CompletionTokens < 10_000 || plan.ResultBytes < 40_000 {
		t.Errorf("plan %+v", plan)
	}
	if plan.Limit != "requests" || plan.Duration < 45*time.Second || plan.Duration > 55*time.Second {
		t.Errorf("%v because of %s", plan.Duration, plan.Limit)
	}
	if plan.Cost == nil || plan.MaxCost == nil || *plan.Cost <= 0 || *plan.MaxCost <= *plan.Cost {
		t.Errorf("cost %v, at most %v", plan.Cost, plan.MaxCost)
	}
	cfg.Prices = nil
	if plan, _ := newExecutor(t, cfg).Plan(context.Background(), input); plan.Cost != nil || plan.MaxCost != nil {
		t.Errorf("without prices it costs %v", plan.Cost)
	}
	limit := sdk.MoneyFromUSD(0.001)
	cfg.Prices, cfg.Budget.MaxCost = book(1, 2), &limit
	if plan, _ := newExecutor(t, cfg).Plan(context.Background(), input); plan.Limit != "money" {
		t.Errorf("limit %s", plan.Limit)
	}
}
