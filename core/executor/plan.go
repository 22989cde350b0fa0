package executor

import (
	"context"
	"iter"
	"time"

	"github.com/cortexlinux/cortex-host/core/price"
	"github.com/cortexlinux/cortex-host/sdk"
)

// A Plan is what a run would be like, as far as that can be told without
// calling anybody.
type Plan struct {
	// Queries counts those that would be sent, Invalid those that would fail
	// before, Skipped those that have their answer.
	Queries int64 `json:"queries"`
	Invalid int64 `json:"invalid"`
	Skipped int64 `json:"skipped,omitempty"`
	// PromptTokens and CompletionTokens are what is expected.
	PromptTokens     int64 `json:"prompt_tokens"`
	CompletionTokens int64 `json:"completion_tokens"`
	// Cost is what is expected, MaxCost what no attempt can exceed, each query
	// sent once. They are nil if a price or a bound is not known.
	Cost    *sdk.Money `json:"cost"`
	MaxCost *sdk.Money `json:"max_cost"`
	// Duration is what is expected at the rates and with the concurrency of
	// the configuration, at the latency that was assumed.
	Duration time.Duration `json:"-"`
	// Limit is what Duration comes from: concurrency, requests, tokens, or
	// money if the budget would end the run.
	Limit string `json:"limit"`
	// ResultBytes is about how much the results take on disk.
	ResultBytes int64 `json:"result_bytes"`
	// Lanes counts the queries by lane.
	Lanes map[string]int64 `json:"lanes"`
}

// PlanLatency is the latency that [Executor.Plan] assumes where nothing is
// known.
const PlanLatency = 2 * time.Second

// resultBytes is what a result takes on disk beside its text.
const resultBytes = 400

// Plan goes through the queries of a run and calls nobody. It returns the
// input's error beside what was planned until then.
func (e *Executor) Plan(ctx context.Context, queries iter.Seq2[sdk.Query, error]) (Plan, error) {
	p := planner{exec: e, Plan: Plan{Lanes: map[string]int64{}, Cost: new(sdk.Money), MaxCost: new(sdk.Money)}, load: map[*lane]*laneLoad{}}
	var index int64
	var failed error
	for q, err := range queries {
		if ctx.Err() != nil {
			failed = context.Cause(ctx)
			break
		}
		if err != nil {
			if !isItemError(err) {
				failed = err
				break
			}
			p.Invalid++
			index++
			continue
		}
		if e.cfg.Recorder != nil {
			if send, err := e.cfg.Recorder.Admit(index, &q); err != nil || !send {
				if failed = err; err != nil {
					break
				}
				p.Skipped++
				index++
				continue
			}
		}
		index++
		p.add(&q)
	}
	p.conclude()
	return p.Plan, failed
}

type planner struct {
	Plan
	exec *Executor
	load map[*lane]*laneLoad
}

// laneLoad is what a plan asks of one lane.
type laneLoad struct{ queries, tokens int64 }

// add plans one query: on the first lane of its path.
func (p *planner) add(q *sdk.Query) {
	e := p.exec
	path, refused := e.router.Path(q)
	if q.Validate() != nil || refused != nil {
		p.Invalid++
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	i := path.Stops[0][int(p.Queries)%len(path.Stops[0])]
	l, err := e.openLane(i, e.cfg.Lanes[i].ModelFor(q))
	if err != nil {
		p.Invalid++
		return
	}
	need := l.need(&task{query: *q})
	if q.MaxTokens != nil { // an upper bound, seldom reached
		need.Output = min(need.Output, l.sizes.estimate(q.PromptBytes(), 0).Output)
	}
	p.Queries++
	p.Lanes[l.Name]++
	p.PromptTokens += need.Input
	p.CompletionTokens += need.Output
	p.ResultBytes += resultBytes + need.Output*int64(firstBytesPerToken)
	if p.load[l] == nil {
		p.load[l] = &laneLoad{}
	}
	p.load[l].queries++
	p.load[l].tokens += need.Input + need.Output
	if !l.priced {
		p.Cost, p.MaxCost = nil, nil
		return
	}
	if p.Cost != nil {
		*p.Cost = p.Cost.Add(l.price.Cost(sdk.Usage{PromptTokens: need.Input, CompletionTokens: need.Output}))
	}
	hold, unbounded := price.BoundOf(q, l.price, l.MaxOutput(l.key.model))
	switch {
	case unbounded != nil:
		p.MaxCost = nil
	case p.MaxCost != nil:
		*p.MaxCost = p.MaxCost.Add(hold.Cost)
	}
}

// conclude finds out how long it would take, and why.
func (p *planner) conclude() {
	e := p.exec
	e.mu.Lock()
	defer e.mu.Unlock()
	longer := func(d float64, limit string) {
		if took := time.Duration(d * float64(time.Second)); took > p.Duration {
			p.Duration, p.Limit = took, limit
		}
	}
	work := 0.0
	for l, load := range p.load {
		latency := PlanLatency
		if l.stats.latency.n > 0 {
			latency = l.stats.latency.sum / time.Duration(l.stats.latency.n)
		}
		work += float64(load.queries) * latency.Seconds()
		if rate := l.limiter.Rate(); rate > 0 {
			longer(float64(load.queries)/rate, "requests")
		}
		if perMinute := l.limiter.TokensPerMinute(); perMinute > 0 {
			longer(60*float64(load.tokens)/float64(perMinute), "tokens")
		}
	}
	longer(work/float64(e.cfg.MaxConcurrent), "concurrency")
	left := e.budget.Left()
	if left.Cost != nil && p.Cost != nil && *p.Cost > *left.Cost || left.Tokens != nil && p.PromptTokens+p.CompletionTokens > *left.Tokens {
		p.Limit = "money"
	}
}
