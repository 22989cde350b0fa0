package executor

import (
	"maps"
	"time"

	"github.com/cortexlinux/cortex-host/core/limiter"
	"github.com/cortexlinux/cortex-host/sdk"
)

// Totals are the counts of a run.
type Totals struct {
	// SuccessCount and FailureCount count results, SkippedCount queries that
	// the Recorder did not let through.
	SuccessCount, FailureCount, SkippedCount int
	// TruncatedCount and DegradedCount are parts of them: replies cut short,
	// answers from a fallback lane.
	TruncatedCount, DegradedCount int
	// Attempts counts calls.
	Attempts int
	// Tokens are those that providers reported, failed attempts included.
	Tokens sdk.Usage
	// Cost adds up what is known; UnknownCosts counts the attempts of which
	// it is not.
	Cost         sdk.Money
	UnknownCosts int
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
}

func (t *Totals) attempt(out outcome) {
	if out.unsent {
		return
	}
	t.Attempts++
	if out.usage != nil {
		t.Tokens = t.Tokens.Add(*out.usage)
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
	// TotalTime is from the start of the run to its end, TotalTokens the sum
	// of Tokens, TotalCost the same as Cost.
	TotalTime   time.Duration
	TotalTokens int64
	TotalCost   sdk.Money
	// Stopped is why the run ended before its input did, or empty.
	Stopped string
	// Lanes are the statistics of the run by lane. They include what other
	// runs of the same executor did meanwhile.
	Lanes []LaneStats
}

// Stats are the counters of an executor since it was made.
type Stats struct {
	// InFlight and Queued count queries at this moment.
	InFlight, Queued int
	Lanes            []LaneStats
}

// LaneStats are the counters of one lane: a configured lane and a model.
type LaneStats struct {
	// Name is the lane's, Model the model asked for.
	Name, Model string
	Totals
	// RateLimited counts refusals because of a rate.
	RateLimited int
	// Errors counts failed attempts by kind.
	Errors map[sdk.Kind]int
	// Served counts answers by the model that gave them.
	Served map[string]int
	// Waits is how long the lane had queries to send and waited, by what it
	// waited for. Waiting is what it waits for at this moment, or empty.
	Waits   map[limiter.Cause]time.Duration
	Waiting limiter.Cause
	// InFlight and Queued count the lane's queries at this moment.
	InFlight, Queued int
	// Stopped is why the lane sends nothing any more, or nil.
	Stopped *sdk.Error
}

// laneStats collects LaneStats. The executor's lock guards it.
type laneStats struct {
	totals      Totals
	rateLimited int
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
		Waiting: s.cause, InFlight: l.flying, Queued: l.queue.len() + len(l.asleep), Stopped: l.stopped,
	}
	if s.cause != "" {
		out.Waits[s.cause] += now.Sub(s.since)
	}
	return out
}

// stats returns the counters of all lanes. The lock is held.
func (e *Executor) stats(now time.Time) Stats {
	out := Stats{InFlight: len(e.flying)}
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
	s := Summary{Totals: r.totals, TotalTime: now.Sub(r.began), Lanes: e.stats(now).Lanes,
		TotalTokens: r.totals.Tokens.TotalTokens(), TotalCost: r.totals.Cost}
	if r.stop != nil && r.stop.err != errFinished {
		s.Stopped = r.stop.err.Error()
	}
	return s
}
