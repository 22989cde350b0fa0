package executor

import (
	"maps"
	"strings"
	"time"

	"github.com/cortexlinux/cortex-host/core/limiter"
	"github.com/cortexlinux/cortex-host/sdk"
)

// laneStats collects LaneStats. The executor's lock guards it.
type laneStats struct {
	totals      Totals
	rateLimited int
	latency     histogram
	errors      map[sdk.Kind]int
	served      map[string]*int // pointers, for to count up in a map would keep the latest key
	waits       map[limiter.Cause]time.Duration
	cause       limiter.Cause
	since       time.Time
	busy        time.Duration // of slots, added up
	slots       time.Duration // that there were, added up
	measured    time.Time     // until when; zero: nothing is under way
}

func (s *laneStats) init() {
	s.errors, s.served, s.waits = map[sdk.Kind]int{}, map[string]*int{}, map[limiter.Cause]time.Duration{}
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

// occupied notes that until now so many of the lane's slots were taken.
func (s *laneStats) occupied(now time.Time, taken, slots int) {
	if !s.measured.IsZero() {
		elapsed := now.Sub(s.measured)
		s.busy += elapsed * time.Duration(taken)
		s.slots += elapsed * time.Duration(slots)
	}
	s.measured = now
}

// rest notes that the lane has nothing to do, if that is so.
func (s *laneStats) rest(idle bool) {
	if idle {
		s.measured = time.Time{}
	}
}

func (s *laneStats) attempt(out *outcome) {
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
		s.serve(out.resp.ModelServed)
	}
}

// Names of models served are the vendor's: there could be a new one in each
// reply. Those beyond the first maxServed are counted together.
const (
	maxServed   = 100
	otherModels = "(others)"
)

func (s *laneStats) serve(model string) {
	if s.served[model] == nil && len(s.served) >= maxServed {
		model = otherModels
	}
	n := s.served[model]
	if n == nil {
		n = new(int)
		s.served[strings.Clone(model)] = n // it may be part of the whole reply
	}
	*n++
}

func (s *laneStats) result(r *sdk.Result) { s.totals.add(r) }

func (l *lane) snapshot(now time.Time) LaneStats {
	s := &l.stats
	out := LaneStats{
		Name: l.Name, Model: l.key.model, Totals: s.totals, RateLimited: s.rateLimited,
		Errors: maps.Clone(s.errors), Served: map[string]int{}, Waits: maps.Clone(s.waits),
		Waiting: s.cause, InFlight: l.flying, Queued: l.queue.len() + len(l.asleep),
		Rate: l.limiter.Rate(), Utilisation: l.utilisation(), Down: l.breaker.Open(), Stopped: l.stopped,
		Latency: Latency{P50: s.latency.quantile(0.5), P95: s.latency.quantile(0.95), P99: s.latency.quantile(0.99)},
	}
	for model, n := range s.served {
		out.Served[model] = *n
	}
	if s.latency.n > 0 {
		out.Latency.Count, out.Latency.Mean = int64(s.latency.n), s.latency.sum/time.Duration(s.latency.n)
	}
	if s.cause != "" {
		out.Waits[s.cause] += now.Sub(s.since)
	}
	if p, ok := l.Provider.(Restarter); ok {
		out.Restarts, out.Lost = p.Restarts(), p.Lost()
	}
	if p, ok := l.Provider.(Streamer); ok {
		out.BrokenStreams = p.BrokenStreams()
	}
	return out
}

// utilisation returns the used part of each limit of the lane.
func (l *lane) utilisation() map[limiter.Cause]float64 {
	used := map[limiter.Cause]float64{}
	if l.stats.slots > 0 {
		used[Concurrency] = l.stats.busy.Seconds() / l.stats.slots.Seconds()
	}
	uses := l.limiter.Uses()
	for cause, use := range map[limiter.Cause]limiter.Use{
		limiter.Requests: uses.Requests, limiter.Tokens: uses.Tokens,
		PromptTokens: uses.PromptTokens, CompletionTokens: uses.CompletionTokens,
	} {
		if part, ok := use.Part(); ok {
			used[cause] = part
		}
	}
	return used
}
