package executor

import (
	"time"

	"github.com/cortexlinux/cortex-host/core/price"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/sdk"
)

// PlanLatency is the latency that a [Plan] assumes where nothing is known.
const PlanLatency = 2 * time.Second

// resultBytes is what a result takes on disk beside its text.
const resultBytes = 400

// A forecast adds up what queries are expected to need. It keeps to what was
// known of a lane when the first query came to it: so what it foretells of a
// run can be laid beside what came of it. The executor's lock guards it.
type forecast struct {
	exec *Executor
	plan Plan
	load map[*lane]*laneLoad
	left price.Left
}

// A laneLoad is what is asked of one lane, and what was known of it.
type laneLoad struct {
	queries, tokens int64
	sizes           sizes
	latency         time.Duration
	rate, burst     float64 // a second, and at once
	tokensPerMinute int64
}

func (e *Executor) newForecast() forecast {
	return forecast{
		exec: e, load: map[*lane]*laneLoad{}, left: e.budget.Left(),
		plan: Plan{Lanes: map[string]int64{}, Cost: new(sdk.Money), MaxCost: new(sdk.Money)},
	}
}

// loadOf returns the load of a lane, and notes what is known of it if it is new.
func (f *forecast) loadOf(l *lane) *laneLoad {
	if load := f.load[l]; load != nil {
		return load
	}
	load := &laneLoad{sizes: l.sizes, latency: PlanLatency, rate: l.limiter.Rate(), burst: l.limiter.Burst(), tokensPerMinute: l.limiter.TokensPerMinute()}
	if l.stats.latency.n > 0 {
		load.latency = l.stats.latency.sum / time.Duration(l.stats.latency.n)
	}
	f.plan.RateIsFound = f.plan.RateIsFound || l.limiter.Adaptive()
	f.load[l] = load
	return load
}

// add foretells one query: on the first stop of its path, in turn on its lanes.
func (f *forecast) add(q *sdk.Query, path route.Path) {
	e, p := f.exec, &f.plan
	i := path.Stops[0][int(p.Queries)%len(path.Stops[0])]
	l, err := e.openLane(i, e.cfg.Lanes[i].ModelFor(q))
	if err != nil {
		p.Invalid++
		return
	}
	load := f.loadOf(l)
	need := load.sizes.estimate(q.PromptBytes(), 0)
	if q.MaxTokens != nil { // an upper bound, seldom reached
		need.Output = min(need.Output, int64(*q.MaxTokens))
	}
	p.Queries++
	p.Lanes[l.Name]++
	p.PromptTokens += need.Input
	p.CompletionTokens += need.Output
	p.ResultBytes += resultBytes + need.Output*int64(firstBytesPerToken)
	load.queries++
	load.tokens += need.Input + need.Output
	f.price(l, q, sdk.Usage{PromptTokens: need.Input, CompletionTokens: need.Output})
}

// price adds what a query is expected to cost, and the most that it can.
func (f *forecast) price(l *lane, q *sdk.Query, expected sdk.Usage) {
	p := &f.plan
	switch {
	case l.Free:
		return
	case !l.priced:
		p.Cost, p.MaxCost = nil, nil
		return
	}
	if p.Cost != nil {
		*p.Cost = p.Cost.Add(l.price.Cost(expected))
	}
	if p.MaxCost == nil {
		return
	}
	if most, unbounded := l.bound(q); unbounded == nil {
		*p.MaxCost = p.MaxCost.Add(most.Cost)
	} else {
		p.MaxCost = nil
	}
}

// conclude finds out how long it would take, and why.
func (f *forecast) conclude() Plan {
	e, p := f.exec, f.plan
	longer := func(d float64, limit string) {
		if took := time.Duration(d * float64(time.Second)); took > p.Duration {
			p.Duration, p.Limit = took, limit
		}
	}
	work := 0.0
	for l, load := range f.load {
		latency := load.latency.Seconds()
		own := float64(load.queries) * latency
		work += own
		longer(latency, "concurrency")
		if slots := l.Limits.MaxConcurrent; slots > 0 {
			longer(own/float64(slots), "concurrency")
		}
		if behind := float64(load.queries) - load.burst; load.rate > 0 && behind > 0 {
			longer(behind/load.rate+latency, "requests")
		}
		if load.tokensPerMinute > 0 {
			longer(60*float64(load.tokens)/float64(load.tokensPerMinute), "tokens")
		}
		if !l.Free && l.priced && p.Prices == "" {
			p.Prices = e.cfg.Prices.Source()
		}
	}
	longer(work/float64(e.cfg.MaxConcurrent), "concurrency")
	if f.left.Cost != nil && p.Cost != nil && *p.Cost > *f.left.Cost || f.left.Tokens != nil && p.PromptTokens+p.CompletionTokens > *f.left.Tokens {
		p.Limit = "money"
	}
	return p
}
