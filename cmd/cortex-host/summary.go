package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/format"
	"github.com/cortexlinux/cortex-host/sdk"
)

// counts are the numbers of --summary, of a run or of one provider. Times are
// seconds, money is US dollars.
type counts struct {
	SuccessCount   int        `json:"success_count"`
	FailureCount   int        `json:"failure_count"`
	SkippedCount   int        `json:"skipped_count,omitempty"`
	TruncatedCount int        `json:"truncated_count,omitempty"`
	DegradedCount  int        `json:"degraded_count,omitempty"`
	TotalTokens    int64      `json:"total_tokens"`
	Tokens         *sdk.Usage `json:"tokens,omitempty"`
	TotalCost      sdk.Money  `json:"total_cost"`
	// UnknownCosts counts the calls whose cost is not in total_cost.
	UnknownCosts int     `json:"unknown_costs,omitempty"`
	TotalTime    float64 `json:"total_time"`
	Attempts     int     `json:"attempts"`
}

// summaryView is the JSON of --summary.
type summaryView struct {
	counts
	Stopped   string              `json:"stopped,omitempty"`
	Providers map[string]laneView `json:"providers"`
}

// laneView are the numbers of one provider.
type laneView struct {
	counts
	RateLimited int                `json:"rate_limited,omitempty"`
	Errors      map[sdk.Kind]int   `json:"errors,omitempty"`
	Served      map[string]int     `json:"models_served,omitempty"`
	Waits       map[string]float64 `json:"waits,omitempty"`
}

func countsOf(t executor.Totals, seconds float64) counts {
	return counts{
		SuccessCount: t.SuccessCount, FailureCount: t.FailureCount, SkippedCount: t.SkippedCount,
		TruncatedCount: t.TruncatedCount, DegradedCount: t.DegradedCount,
		TotalTokens: t.Tokens.TotalTokens(), Tokens: &t.Tokens, TotalCost: t.Cost, UnknownCosts: t.UnknownCosts,
		TotalTime: seconds, Attempts: t.Attempts,
	}
}

// viewOf makes the summary's JSON. Lanes of one provider that differ in their
// model only are added up.
func viewOf(s executor.Summary) summaryView {
	seconds := s.TotalTime.Seconds()
	view := summaryView{counts: countsOf(s.Totals, seconds), Stopped: s.Stopped, Providers: map[string]laneView{}}
	for _, l := range s.Lanes {
		v, ok := view.Providers[l.Name]
		if !ok {
			v = laneView{counts: counts{TotalTime: seconds, Tokens: &sdk.Usage{}}, Errors: map[sdk.Kind]int{}, Served: map[string]int{}, Waits: map[string]float64{}}
		}
		v.counts.add(countsOf(l.Totals, 0))
		v.RateLimited += l.RateLimited
		for kind, n := range l.Errors {
			v.Errors[kind] += n
		}
		for model, n := range l.Served {
			v.Served[model] += n
		}
		for cause, d := range l.Waits {
			v.Waits[string(cause)] += d.Seconds()
		}
		view.Providers[l.Name] = v
	}
	return view
}

func (c *counts) add(d counts) {
	c.SuccessCount += d.SuccessCount
	c.FailureCount += d.FailureCount
	c.TruncatedCount += d.TruncatedCount
	c.DegradedCount += d.DegradedCount
	c.TotalTokens += d.TotalTokens
	*c.Tokens = c.Tokens.Add(*d.Tokens)
	c.TotalCost = c.TotalCost.Add(d.TotalCost)
	c.UnknownCosts += d.UnknownCosts
	c.Attempts += d.Attempts
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
	if err := replaceFile(path, data, os.FileMode(0o644)); err != nil {
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
	}{{s.SkippedCount, "answered before"}, {s.TruncatedCount, "truncated"}, {s.DegradedCount, "degraded"}} {
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
	}
	if s.Attempts > s.SuccessCount+s.FailureCount {
		parts = append(parts, fmt.Sprintf("%d attempts", s.Attempts))
	}
	a.note("%s in %s", strings.Join(parts, ", "), format.Seconds(s.TotalTime))
}
