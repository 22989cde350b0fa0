package executor

import (
	"context"
	"encoding/json"
	"iter"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// A Plan is what a run would be like, as far as that can be told without
// calling anybody. In JSON, Duration is in seconds.
type Plan struct {
	// Queries counts those that would be sent, Invalid those that would fail
	// before, Skipped those that have their answer.
	Queries int64 `json:"queries"`
	Invalid int64 `json:"invalid"`
	Skipped int64 `json:"skipped,omitempty"`
	// PromptTokens and CompletionTokens are what is expected.
	PromptTokens     int64 `json:"prompt_tokens"`
	CompletionTokens int64 `json:"completion_tokens"`
	// Cost is what is expected, MaxCost the most that it can be if each query
	// is sent once. They are nil if a price or a bound is not known.
	Cost    *sdk.Money `json:"cost"`
	MaxCost *sdk.Money `json:"max_cost"`
	// Duration is what is expected at the rates and with the concurrency of
	// the configuration, at the latency that was assumed.
	Duration time.Duration `json:"-"`
	// Limit is what Duration comes from: concurrency, requests, tokens, or
	// money if the budget would end the run.
	Limit string `json:"limit"`
	// RateIsFound says that a lane looks for its rate: requests limit by the
	// rate with which it begins.
	RateIsFound bool `json:"rate_is_found,omitempty"`
	// ResultBytes is about how much the results take on disk.
	ResultBytes int64 `json:"result_bytes"`
	// Lanes counts the queries by lane.
	Lanes map[string]int64 `json:"lanes"`
	// Prices says where the prices are from.
	Prices string `json:"prices,omitempty"`
}

// MarshalJSON writes the duration in seconds.
func (p Plan) MarshalJSON() ([]byte, error) {
	type plain Plan
	return json.Marshal(struct {
		plain
		Duration float64 `json:"duration"`
	}{plain(p), seconds(p.Duration)})
}

// Plan goes through the queries of a run and calls nobody. It returns the
// input's error beside what was planned until then.
func (e *Executor) Plan(ctx context.Context, queries iter.Seq2[sdk.Query, error]) (Plan, error) {
	e.mu.Lock()
	f := e.newForecast()
	e.mu.Unlock()
	var index int64
	var failed error
	for q, err := range queries {
		if ctx.Err() != nil {
			failed = context.Cause(ctx)
			break
		}
		if err != nil && !isItemError(err) {
			failed = err
			break
		}
		send := err == nil
		if send && e.cfg.Recorder != nil {
			if send, failed = e.cfg.Recorder.Admit(index, &q); failed != nil {
				break
			}
			if !send {
				f.plan.Skipped++
				index++
				continue
			}
		}
		index++
		path, refused := e.router.Path(&q)
		if !send || refused != nil || q.Validate() != nil {
			f.plan.Invalid++
			continue
		}
		e.mu.Lock()
		f.add(&q, path)
		e.mu.Unlock()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return f.conclude(), failed
}
