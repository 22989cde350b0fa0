package executor

import (
	"encoding/json"
	"errors"
	"maps"
	"time"

	"github.com/cortexlinux/cortex-host/core/limiter"
	"github.com/cortexlinux/cortex-host/core/price"
	"github.com/cortexlinux/cortex-host/sdk"
)

// Totals are the counts of a run. In JSON they have the names of the fields
// in snake case.
type Totals struct {
	// SuccessCount and FailureCount count results.
	SuccessCount int `json:"success_count"`
	FailureCount int `json:"failure_count"`
	// SkippedCount counts queries that the Recorder did not let through.
	SkippedCount int `json:"skipped_count,omitempty"`
	// TruncatedCount and DegradedCount are parts of the results: replies cut
	// short, answers from a fallback lane.
	TruncatedCount int `json:"truncated_count,omitempty"`
	DegradedCount  int `json:"degraded_count,omitempty"`
	// PossiblyBilledCount counts results of which a failed attempt may have
	// been paid for.
	PossiblyBilledCount int `json:"possibly_billed_count,omitempty"`
	// Attempts counts calls.
	Attempts int `json:"attempts"`
	// Tokens are those that providers reported, failed attempts included.
	Tokens sdk.Usage `json:"tokens"`
	// TotalTokens is their sum.
	TotalTokens int64 `json:"total_tokens"`
	// Cost adds up what is known; UnknownCosts counts the attempts of which
	// it is not.
	Cost         sdk.Money `json:"total_cost"`
	UnknownCosts int       `json:"unknown_costs,omitempty"`
}

func (t *Totals) add(r *sdk.Result) {
	if r.Success() {
		t.SuccessCount++
	} else {
		t.FailureCount++
	}
	if r.Truncated() {
		t.TruncatedCount++
	}
	if r.Degraded {
		t.DegradedCount++
	}
	if r.PossiblyBilled {
		t.PossiblyBilledCount++
	}
}

func (t *Totals) attempt(out outcome) {
	if out.unsent {
		return
	}
	t.Attempts++
	if out.usage != nil {
		t.Tokens = t.Tokens.Add(*out.usage)
		t.TotalTokens = t.Tokens.TotalTokens()
	}
	if out.cost != nil {
		t.Cost = t.Cost.Add(*out.cost)
	} else {
		t.UnknownCosts++
	}
}

// Summary is the outcome of a run.
type Summary struct {
	Totals
	// TotalTime is from the start of the run to its end.
	TotalTime time.Duration `json:"-"`
	// TotalCost is the same as Cost.
	TotalCost sdk.Money `json:"-"`
	// Stopped is why the run ended before its input did, or empty.
	Stopped string `json:"stopped,omitempty"`
	// Lanes are the executor's statistics by lane. They are those of the run
	// if it was the executor's only one.
	Lanes []LaneStats `json:"lanes"`
}

// Stats are the counters of an executor since it was made.
type Stats struct {
	// InFlight and Queued count queries at this moment, MaxConcurrent is how
	// many calls may be under way.
	InFlight      int `json:"in_flight"`
	Queued        int `json:"queued"`
	MaxConcurrent int `json:"max_concurrent"`
	// Paused says that [Executor.Pause] holds everything back.
	Paused bool `json:"paused,omitempty"`
	// Spent and Held are of the budget.
	Spent price.Hold  `json:"spent"`
	Held  price.Hold  `json:"held"`
	Lanes []LaneStats `json:"lanes"`
}

// LaneStats are the counters of one lane: a configured lane and a model.
type LaneStats struct {
	// Name is the lane's, Model the model asked for.
	Name  string `json:"name"`
	Model string `json:"model,omitempty"`
	Totals
	// RateLimited counts refusals because of a rate.
	RateLimited int `json:"rate_limited"`
	// Errors counts failed attempts by kind.
	Errors map[sdk.Kind]int `json:"errors,omitempty"`
	// Served counts answers by the model that gave them.
	Served map[string]int `json:"served,omitempty"`
	// Latency is how long calls that were answered took.
	Latency Latency `json:"latency"`
	// Waits is how long the lane had queries to send and could not, by what
	// held them back. Waiting is what does at this moment, or empty.
	Waits   map[limiter.Cause]time.Duration `json:"-"`
	Waiting limiter.Cause                   `json:"waiting,omitempty"`
	// InFlight and Queued count the lane's queries at this moment.
	InFlight int `json:"in_flight"`
	Queued   int `json:"queued"`
	// Rate is the present rate of sends per second, 0 without a limit.
	Rate float64 `json:"rate,omitempty"`
	// Down says that the circuit breaker is open.
	Down bool `json:"down,omitempty"`
	// Stopped is why the lane sends nothing any more, or nil.
	Stopped *sdk.Error `json:"stopped,omitempty"`
}

// Latency is a distribution of latencies.
type Latency struct {
	Count               int64
	P50, P95, P99, Mean time.Duration
}

// MarshalJSON writes seconds.
func (l Latency) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]float64{"count": float64(l.Count),
		"p50": seconds(l.P50), "p95": seconds(l.P95), "p99": seconds(l.P99), "mean": seconds(l.Mean)})
}

// MarshalJSON writes waits in seconds.
func (s LaneStats) MarshalJSON() ([]byte, error) {
	type plain LaneStats
	waits := make(map[limiter.Cause]float64, len(s.Waits))
	for cause, d := range s.Waits {
		waits[cause] = seconds(d)
	}
	return json.Marshal(struct {
		plain
		Waits map[limiter.Cause]float64 `json:"waits,omitempty"`
	}{plain(s), waits})
}

// MarshalJSON writes the total time in seconds.
func (s Summary) MarshalJSON() ([]byte, error) {
	type plain Summary
	return json.Marshal(struct {
		plain
		TotalTime float64 `json:"total_time"`
	}{plain(s), seconds(s.TotalTime)})
}

func seconds(d time.Duration) float64 { return d.Round(time.Microsecond).Seconds() }

// laneStats collects LaneStats. The executor's lock guards it.
type laneStats struct {
	totals      Totals
	rateLimited int
	latency     histogram
	errors      map[sdk.Kind]int
	served      map[string]int
	waits       map[limiter.Cause]time.Duration
	cause       limiter.Cause
	since       time.Time
}

func (s *laneStats) init() {
	s.errors, s.served, s.waits = map[sdk.Kind]int{}, map[string]int{}, map[limiter.Cause]time.Duration{}
}

// wait notes what the lane waits for from now on; empty is nothing.
func (s *laneStats) wait(cause limiter.Cause, now time.Time) {
	if cause == s.cause {
		return
	}
	if s.cause != "" {
		s.waits[s.cause] += now.Sub(s.since)
	}
	s.cause, s.since = cause, now
}

func (s *laneStats) attempt(out outcome) {
	s.totals.attempt(out)
	if out.err == nil {
		s.latency.add(out.latency)
	}
	if out.err != nil {
		s.errors[out.err.Kind]++
		if out.err.Kind == sdk.RateLimited {
			s.rateLimited++
		}
	}
	if out.resp != nil && out.resp.ModelServed != "" {
		s.served[out.resp.ModelServed]++
	}
}

func (s *laneStats) result(r *sdk.Result) { s.totals.add(r) }

func (l *lane) snapshot(now time.Time) LaneStats {
	s := &l.stats
	out := LaneStats{
		Name: l.Name, Model: l.key.model, Totals: s.totals, RateLimited: s.rateLimited,
		Errors: maps.Clone(s.errors), Served: maps.Clone(s.served), Waits: maps.Clone(s.waits),
		Waiting: s.cause, InFlight: l.flying, Queued: l.queue.len() + len(l.asleep),
		Rate: l.limiter.Rate(), Down: l.breaker.Open(), Stopped: l.stopped,
		Latency: Latency{P50: s.latency.quantile(0.5), P95: s.latency.quantile(0.95), P99: s.latency.quantile(0.99)},
	}
	if s.latency.n > 0 {
		out.Latency.Count, out.Latency.Mean = int64(s.latency.n), s.latency.sum/time.Duration(s.latency.n)
	}
	if s.cause != "" {
		out.Waits[s.cause] += now.Sub(s.since)
	}
	return out
}

// stats returns the counters of all lanes. The lock is held.
func (e *Executor) stats(now time.Time) Stats {
	out := Stats{InFlight: len(e.flying), MaxConcurrent: e.slots, Paused: e.paused}
	out.Spent, out.Held = e.budget.Spent()
	for _, l := range e.lanes {
		s := l.snapshot(now)
		out.Queued += s.Queued
		out.Lanes = append(out.Lanes, s)
	}
	return out
}

// Stats returns the counters of the executor since it was made, and what it is
// doing at this moment.
func (e *Executor) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.stats(time.Now())
}

// summary sums the run up.
func (r *run) summary() Summary {
	e := r.exec
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	s := Summary{Totals: r.totals, TotalTime: now.Sub(r.began), TotalCost: r.totals.Cost, Lanes: e.stats(now).Lanes}
	if r.stop != nil && !errors.Is(r.stop.err, errFinished) {
		s.Stopped = r.stop.err.Error()
	}
	return s
}
