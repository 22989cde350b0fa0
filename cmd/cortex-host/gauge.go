package main

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/format"
)

// A gauge is how far a run is at one moment. Its JSON is what --progress json
// and `cortex-host control RUN status` show; fields are only ever added.
type gauge struct {
	Done     int `json:"done"`
	Failed   int `json:"failed"`
	InFlight int `json:"in_flight"`
	Waiting  int `json:"waiting"`
	// Retrying are those among the waiting that failed before.
	Retrying int     `json:"retrying"`
	Total    int64   `json:"total,omitempty"` // 0: not known
	Tokens   int64   `json:"tokens"`
	Cost     float64 `json:"cost"`
	// Projected is what the whole run will cost if it goes on like this.
	Projected float64 `json:"projected_cost,omitempty"`
	Elapsed   float64 `json:"elapsed"`
	// Rate is results per second over the last moments.
	Rate float64 `json:"rate"`
	// ETA is how many seconds the rest takes, 0 if that cannot be said.
	ETA float64 `json:"eta,omitempty"`
	// Limit is what keeps the run from going faster, or empty.
	Limit string `json:"limited_by,omitempty"`
	// Paused, MaxConcurrent and RequestsPerSecond are what can be changed while
	// it runs; a rate of 0 is none.
	Paused            bool    `json:"paused,omitempty"`
	MaxConcurrent     int     `json:"max_concurrent"`
	RequestsPerSecond float64 `json:"requests_per_second,omitempty"`
}

// limitWords say what limits a run in words.
var limitWords = map[string]string{
	"requests": "requests per second", "tokens": "tokens per minute", "provider_pause": "the provider's wait",
	"provider_down": "a provider that is down", "backoff": "waits before retries", "provider": "the provider's answers",
}

// progress is how far it is, speed what that takes.
func (g gauge) progress() []string {
	done := fmt.Sprint(g.Done)
	if g.Total > 0 {
		done += fmt.Sprintf("/%d", g.Total)
	}
	parts := []string{done + " done"}
	add := func(wanted bool, form string, args ...any) {
		if wanted {
			parts = append(parts, fmt.Sprintf(form, args...))
		}
	}
	add(g.Failed > 0, "%d failed", g.Failed)
	add(true, "%d in flight", g.InFlight)
	add(g.Retrying > 0, "%d retrying", g.Retrying)
	add(g.ETA > 0, "%s left", format.Seconds(time.Duration(g.ETA*float64(time.Second))))
	return parts
}

func (g gauge) speed() []string {
	var parts []string
	add := func(wanted bool, form string, args ...any) {
		if wanted {
			parts = append(parts, fmt.Sprintf(form, args...))
		}
	}
	add(g.Rate > 0, "%.1f/s", g.Rate)
	add(g.Tokens > 0, "%d tokens", g.Tokens)
	add(g.Cost > 0 && g.Projected > 0, "$%.4f of about $%.4f", g.Cost, g.Projected)
	add(g.Cost > 0 && g.Projected == 0, "$%.4f", g.Cost)
	limit := g.Limit
	if words, ok := limitWords[limit]; ok {
		limit = words
	}
	add(g.Paused, "paused")
	add(!g.Paused && limit != "", "limited by %s", format.Inline(limit))
	return parts
}

// String shows the gauge on one line.
func (g gauge) String() string { return strings.Join(append(g.progress(), g.speed()...), ", ") }

// fit joins as many parts as have room, at least one.
func fit(parts []string, width int) string {
	line := ""
	for _, p := range parts {
		switch {
		case line == "":
			line = p
		case len(line)+2+len(p) <= width:
			line += ", " + p
		}
	}
	return line
}

// A meter reads gauges off an executor. read is for one goroutine, shared for
// any.
type meter struct {
	exec  *executor.Executor
	total int64
	began time.Time

	last time.Time
	done int
	rate float64

	mu     sync.Mutex // guards what shared needs
	recent gauge
	cached time.Time
}

func newMeter(exec *executor.Executor, total int64) *meter {
	now := time.Now()
	return &meter{exec: exec, total: total, began: now, last: now}
}

// read returns the gauge of this moment.
func (m *meter) read() gauge {
	now, s := time.Now(), m.exec.Stats()
	g := gauge{InFlight: s.InFlight, Waiting: s.Queued, Retrying: s.Retrying, Total: m.total, Elapsed: now.Sub(m.began).Seconds(),
		Paused: s.Paused, MaxConcurrent: s.MaxConcurrent}
	for _, l := range s.Lanes {
		g.Done += l.SuccessCount + l.FailureCount
		g.Failed += l.FailureCount
		g.Tokens += l.Tokens.TotalTokens()
		g.Cost += l.Cost.USD()
		g.RequestsPerSecond += l.Rate
		if g.Limit == "" {
			g.Limit = string(l.Waiting)
		}
	}
	switch {
	case g.Paused:
		g.Limit = "paused"
	case g.Limit == "" && g.InFlight > 0:
		g.Limit = "provider"
	}
	// The average since the beginning, and later over about ten seconds, so
	// that the estimate is calm.
	if step := now.Sub(m.last).Seconds(); step > 0.05 {
		weight := min(1, step/min(10, g.Elapsed))
		m.rate += weight * (float64(g.Done-m.done)/step - m.rate)
		m.last, m.done = now, g.Done
	}
	g.Rate = m.rate
	if rest := g.Total - int64(g.Done); rest > 0 && g.Done > 0 {
		g.Projected = g.Cost / float64(g.Done) * float64(g.Total)
		if g.Rate > 0 && !g.Paused {
			g.ETA = float64(rest) / g.Rate
		}
	}
	return g
}
