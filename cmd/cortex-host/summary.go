package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/format"
	"github.com/cortexlinux/cortex-host/sdk"
)

// counts are the numbers of --summary, of a run or of one provider. Times are
// seconds, money is US dollars. A cost of which nothing is known is null.
type counts struct {
	executor.Totals
	TotalCost *sdk.Money `json:"total_cost"`
	TotalTime float64    `json:"total_time"`
}

func countsOf(t executor.Totals, seconds float64) counts {
	return counts{t, t.KnownCost(), seconds}
}

// summaryView is the JSON of --summary.
type summaryView struct {
	counts
	Stopped string `json:"stopped,omitempty"`
	// Predicted is what --dry-run would have said of the queries.
	Predicted executor.Plan       `json:"predicted"`
	Providers map[string]laneView `json:"providers"`
	// Lanes are the details, by provider and model.
	Lanes []executor.LaneStats `json:"lanes"`
}

// laneView are the numbers of one provider, all its models together.
type laneView struct {
	counts
	RateLimited int              `json:"rate_limited"`
	Errors      map[sdk.Kind]int `json:"errors,omitempty"`
	Served      map[string]int   `json:"models_served,omitempty"`
}

func viewOf(s executor.Summary) summaryView {
	seconds := s.TotalTime.Seconds()
	view := summaryView{counts: countsOf(s.Totals, seconds), Stopped: s.Stopped, Predicted: s.Predicted, Providers: map[string]laneView{}, Lanes: s.Lanes}
	for _, l := range s.Lanes {
		v, ok := view.Providers[l.Name]
		if !ok {
			v = laneView{Errors: map[sdk.Kind]int{}, Served: map[string]int{}}
		}
		v.counts = countsOf(sum(v.Totals, l.Totals), seconds)
		v.RateLimited += l.RateLimited
		for kind, n := range l.Errors {
			v.Errors[kind] += n
		}
		for model, n := range l.Served {
			v.Served[model] += n
		}
		view.Providers[l.Name] = v
	}
	return view
}

func sum(a, b executor.Totals) executor.Totals {
	a.SuccessCount += b.SuccessCount
	a.FailureCount += b.FailureCount
	a.UnsentCount += b.UnsentCount
	a.SkippedCount += b.SkippedCount
	a.TruncatedCount += b.TruncatedCount
	a.DegradedCount += b.DegradedCount
	a.PossiblyBilledCount += b.PossiblyBilledCount
	a.Attempts += b.Attempts
	a.Tokens = a.Tokens.Add(b.Tokens)
	a.TotalTokens += b.TotalTokens
	a.Cost = a.Cost.Add(b.Cost)
	a.UnknownCosts += b.UnknownCosts
	return a
}

// writeSummary writes --summary.
func (a *app) writeSummary(path string, s executor.Summary) error {
	if path == "" {
		return nil
	}
	data, err := json.MarshalIndent(viewOf(s), "", "  ")
	if err != nil {
		return err
	}
	data = append(data, '\n')
	if path == "-" {
		_, err = a.stderr.Write(data)
		return err
	}
	if err := replaceFile(path, data, 0o644); err != nil {
		return fmt.Errorf("cannot write the summary: %w", err)
	}
	return nil
}

// noteSummary says on one line how the run went.
func (a *app) noteSummary(s executor.Summary) {
	parts := []string{fmt.Sprintf("%d answered", s.SuccessCount)}
	if s.FailureCount > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", s.FailureCount))
	}
	for _, n := range []struct {
		count int
		what  string
	}{{s.UnsentCount, "not asked"}, {s.SkippedCount, "answered before"}, {s.TruncatedCount, "truncated"}, {s.DegradedCount, "degraded"}} {
		if n.count > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n.count, n.what))
		}
	}
	if s.TotalTokens > 0 {
		parts = append(parts, fmt.Sprintf("%d tokens", s.TotalTokens))
	}
	switch {
	case s.TotalCost > 0 && s.UnknownCosts > 0:
		parts = append(parts, fmt.Sprintf("%v and %d calls of unknown cost", s.TotalCost, s.UnknownCosts))
	case s.TotalCost > 0:
		parts = append(parts, s.TotalCost.String())
	case s.KnownCost() == nil:
		parts = append(parts, "cost not known")
	}
	if s.Attempts > s.SuccessCount+s.FailureCount {
		parts = append(parts, fmt.Sprintf("%d attempts", s.Attempts))
	}
	a.note("%s in %s", strings.Join(parts, ", "), format.Seconds(s.TotalTime))
	if p := s.Predicted; p.Cost != nil && *p.Cost > 0 {
		a.note("predicted: %d tokens, %s, %s", p.PromptTokens+p.CompletionTokens, costText(p), format.Seconds(p.Duration))
	}
}
