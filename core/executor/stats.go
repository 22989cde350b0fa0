package executor

import (
	"encoding/json"
	"errors"
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
	// UnsentCount counts queries that the end of the run kept from being asked:
	// those of them that were read. See [Unsent].
	UnsentCount int `json:"unsent_count,omitempty"`
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
	// it is not. In the JSON of a run or a lane a cost of which nothing is known
	// is null.
	Cost         sdk.Money `json:"total_cost"`
	UnknownCosts int       `json:"unknown_costs,omitempty"`
}

// KnownCost returns Cost, or nil if nothing is known of what the calls cost.
func (t *Totals) KnownCost() *sdk.Money {
	if t.UnknownCosts > 0 && t.Cost == 0 {
		return nil
	}
	return &t.Cost
}

func (t *Totals) add(r *sdk.Result) {
	switch {
	case r.Success():
		t.SuccessCount++
	case Unsent(r):
		t.UnsentCount++
	default:
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

func (t *Totals) attempt(out *outcome) {
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
	// Predicted is what [Executor.Plan] would have said of the queries that
	// were read, to be compared with what came of them.
	Predicted Plan `json:"predicted"`
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
	// Retrying counts those of the queued that wait for another attempt.
	Retrying int `json:"retrying,omitempty"`
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
	// Utilisation is the part of each limit that was used: of the slots, and of
	// the rates of requests and tokens, where there is one.
	Utilisation map[limiter.Cause]float64 `json:"utilisation,omitempty"`
	// Restarts counts how often the provider's process was started again, if it
	// is a [Restarter].
	Restarts int `json:"restarts,omitempty"`
	// Lost counts the calls that were under way when the process died under
	// them, if it is a [Restarter]. Each failed as sdk.Internal, and was asked
	// again as the policy of retries says.
	Lost int `json:"lost,omitempty"`
	// BrokenStreams counts the exchanges with the provider's process that broke,
	// if it is a [Streamer]. Each call on one failed as sdk.Internal.
	BrokenStreams int `json:"broken_streams,omitempty"`
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

// The limits of which LaneStats.Utilisation tells, beside Concurrency and those
// of the limiter, if a vendor counts prompt and completion apart.
const (
	PromptTokens     limiter.Cause = "prompt_tokens"
	CompletionTokens limiter.Cause = "completion_tokens"
)

// A Restarter is a provider that runs in a process of its own.
type Restarter interface {
	// Restarts returns how often the process was started again.
	Restarts() int
	// Lost returns how many calls were under way when the process died.
	Lost() int
}

// A Streamer is a provider that carries many calls over one exchange.
type Streamer interface {
	// BrokenStreams returns how many exchanges broke.
	BrokenStreams() int
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
		TotalCost *sdk.Money                `json:"total_cost"`
		Waits     map[limiter.Cause]float64 `json:"waits,omitempty"`
	}{plain(s), s.KnownCost(), waits})
}

// MarshalJSON writes the total time in seconds.
func (s Summary) MarshalJSON() ([]byte, error) {
	type plain Summary
	return json.Marshal(struct {
		plain
		TotalCost *sdk.Money `json:"total_cost"`
		TotalTime float64    `json:"total_time"`
	}{plain(s), s.KnownCost(), seconds(s.TotalTime)})
}

func seconds(d time.Duration) float64 { return float64(d.Round(time.Microsecond).Microseconds()) / 1e6 }

// stats returns the counters of all lanes. The lock is held.
func (e *Executor) stats(now time.Time) Stats {
	out := Stats{InFlight: len(e.flying), MaxConcurrent: e.slots, Paused: e.paused}
	out.Spent, out.Held = e.budget.Spent()
	for _, l := range e.lanes {
		s := l.snapshot(now)
		out.Queued += s.Queued
		out.Retrying += len(l.asleep)
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
	s := Summary{Totals: r.totals, TotalTime: now.Sub(r.began), TotalCost: r.totals.Cost, Predicted: r.forecast.conclude(), Lanes: e.stats(now).Lanes}
	if r.stop != nil && !errors.Is(r.stop.err, errFinished) {
		s.Stopped = r.stop.err.Error()
	}
	return s
}
