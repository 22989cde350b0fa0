package report

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// A view is what the template shows: text, already made visible, and charts.
type view struct {
	Title, ID, Command, Version, Stopped string
	Started                              string
	Policy                               template.HTMLAttr
	Style                                template.CSS
	Script                               template.JS

	Outcome   template.HTML
	Headlines []headline
	Notes     []string
	Charts    []chart
	Latency   []latencyRow
	Lanes     []laneRow
	Sum       laneRow
	Tokens    []tokenRow
	Waits     []waitRow
	Failures  []failureView
	Slowest   []rowView
	Settings  []Setting
	HasOrigin bool
	Answers   []answerView
	Left      string // what was left out of the answers
}

// A headline is one of the large numbers. Value has it in full for programs.
type headline struct{ ID, Name, Value, Shown, Unit, Detail string }

type latencyRow struct{ Name, Mean, P50, P95, P99, Max string }

type laneRow struct {
	Provider, Model, Served                    string
	Answered, Failed, Calls, Prompt, Completed string
	P50, P95, Cost                             string
	Share                                      template.HTML
}

type tokenRow struct {
	Name, Count, Percent string
	Part                 bool // of the row above
	Share                template.HTML
}

type waitRow struct {
	Lane, Cause, Advice, Time string
	Share                     template.HTML
}

type failureView struct {
	Kind, Count, Percent, Meaning string
	Share                         template.HTML
	Examples                      []exampleView
}

type exampleView struct{ ID, Provider, Status, Message string }

type rowView struct {
	ID, Provider, Model, Took, Attempts, Tokens, Cost, Outcome string
	Share                                                      template.HTML
}

type answerView struct {
	rowView
	Facts, Text, Failure string
	Failed, Cut          bool
}

// view gathers the page. The lock is held.
func (rec *Recorder) view(run Run) view {
	totals := rec.totals
	if run.Totals != nil {
		totals = *run.Totals
	}
	end := run.TotalTime
	if end == 0 && rec.untimed == 0 {
		end = rec.timeline.end
	}
	v := view{
		Title: visible(cmp.Or(run.Title, "Run "+run.ID)), ID: visible(run.ID), Command: visible(run.Command),
		Version: visible(run.Version), Stopped: visible(run.Stopped),
		Outcome:   outcomeBar(totals),
		Headlines: headlines(totals, &rec.latency, end),
		Tokens:    tokenRows(totals.Tokens),
		Waits:     waitRows(run.Lanes),
		Failures:  failureViews(&rec.failures),
	}
	if !run.Started.IsZero() {
		v.Started = run.Started.Format("2 January 2006, 15:04:05 MST")
	}
	v.Notes = rec.notes(run)
	v.Charts = rec.charts()
	if rec.latency.n > 0 {
		v.Latency = latencyRows(&rec.latency, &rec.calls)
	}
	v.Lanes, v.Sum = laneRows(rec.laneTotals(run.Lanes), totals, &rec.latency)
	v.Slowest = slowestRows(rec.slowest.sorted())
	v.Settings, v.HasOrigin = settings(run.Settings)
	v.Answers, v.Left = rec.answers.views()
	return v
}

func (rec *Recorder) notes(run Run) []string {
	var notes []string
	for _, n := range run.Notes {
		notes = append(notes, visible(n))
	}
	if run.Totals == nil {
		notes = append(notes, "Tokens and cost are counted from the stored results: calls that failed before a query's last one are not in them.")
	}
	if rec.untimed > 0 {
		notes = append(notes, "Charts over time are missing: stored results do not tell when they came.")
	}
	return notes
}

func (rec *Recorder) charts() []chart {
	var charts []chart
	if rec.untimed == 0 && len(rec.timeline.slots) > 0 && rec.timeline.end > 0 {
		charts = append(charts, throughputChart(&rec.timeline), concurrencyChart(&rec.timeline))
	}
	if rec.latency.n > 0 {
		charts = append(charts, latencyChart(&rec.latency))
	}
	return charts
}

func headlines(t Totals, latency *histogram, took time.Duration) []headline {
	done := t.SuccessCount + t.FailureCount
	number := func(id, name string, n int64, detail string) headline {
		return headline{ID: id, Name: name, Value: fmt.Sprint(n), Shown: count(n), Detail: detail}
	}
	answered := number("success_count", "Answered", int64(t.SuccessCount), percent(int64(t.SuccessCount), int64(done))+" of "+plural(done, "query", "queries"))
	if t.DegradedCount > 0 {
		answered.Detail += ", " + count(t.DegradedCount) + " by a fallback"
	}
	failed := number("failure_count", "Failed", int64(t.FailureCount), percent(int64(t.FailureCount), int64(done)))
	if t.TruncatedCount > 0 {
		failed.Detail += ", " + count(t.TruncatedCount) + " cut short"
	}
	list := []headline{answered, failed}
	if t.SkippedCount > 0 {
		list = append(list, number("skipped_count", "Skipped", int64(t.SkippedCount), "answered in an earlier session"))
	}
	if took > 0 {
		list = append(list, headline{ID: "total_time", Name: "Time", Value: full(took), Shown: span(took),
			Detail: decimal(float64(done)/took.Seconds()) + " results a second"})
	}
	if latency.n > 0 {
		p50 := latency.quantile(0.5)
		list = append(list, headline{ID: "p50", Name: "Median answer", Value: full(p50), Shown: span(p50), Detail: "95 % within " + span(latency.quantile(0.95))})
	}
	tokens := number("total_tokens", "Tokens", t.Tokens.TotalTokens(), count(t.Tokens.PromptTokens)+" in, "+count(t.Tokens.CompletionTokens)+" out")
	return append(list, tokens, costHeadline(t), number("attempts", "Calls", int64(t.Attempts), retriesDetail(t)))
}

func costHeadline(t Totals) headline {
	value, _ := t.Cost.MarshalJSON() // an integer always has JSON
	h := headline{ID: "total_cost", Name: "Cost", Value: string(value), Shown: money(t.Cost), Detail: "US dollars"}
	if t.UnknownCosts > 0 {
		h.Detail = "and " + plural(t.UnknownCosts, "call", "calls") + " of unknown cost"
		if t.Cost == 0 {
			h.Shown, h.Detail = "unknown", "for "+plural(t.UnknownCosts, "call", "calls")
		}
	}
	return h
}

func retriesDetail(t Totals) string {
	done := t.SuccessCount + t.FailureCount
	if extra := t.Attempts - done; extra > 0 {
		return count(extra) + " more than queries"
	}
	return "to providers"
}

// money shows dollars; nothing at all is $0, not $0.0000.
func money(m sdk.Money) string {
	if m == 0 {
		return "$0"
	}
	return m.String()
}

func outcomeBar(t Totals) template.HTML {
	whole := float64(t.SuccessCount + t.FailureCount)
	if whole == 0 {
		return ""
	}
	width := float64(t.SuccessCount) / whole * 100
	return template.HTML(fmt.Sprintf(`<svg class="outcome" viewBox="0 0 100 2" preserveAspectRatio="none" aria-hidden="true">`+
		`<rect class="failed" width="100" height="2"/><rect class="answered" width="%.3f" height="2"/></svg>`, width))
}

func latencyRows(query, call *histogram) []latencyRow {
	list := func(name string, h *histogram) latencyRow {
		return latencyRow{name, span(h.mean()), span(h.quantile(0.5)), span(h.quantile(0.95)), span(h.quantile(0.99)), span(h.max)}
	}
	rows := []latencyRow{list("Query, retries included", query)}
	if call.max > 0 {
		rows = append(rows, list("The call that was answered", call))
	}
	return rows
}

func tokenRows(u sdk.Usage) []tokenRow {
	whole := u.TotalTokens()
	if whole == 0 {
		return nil
	}
	var rows []tokenRow
	add := func(name string, n int64, part bool) {
		if n > 0 || !part {
			rows = append(rows, tokenRow{name, count(n), percent(n, whole), part, share("level", float64(n), float64(whole))})
		}
	}
	add("Prompt", u.PromptTokens, false)
	add("read from the cache", u.CachedTokens, true)
	add("written to the cache", u.CacheWriteTokens, true)
	add("Completion", u.CompletionTokens, false)
	add("reasoning", u.ReasoningTokens, true)
	return rows
}

func waitRows(lanes []Lane) []waitRow {
	type wait struct {
		lane, cause string
		time        time.Duration
	}
	var waits []wait
	var longest time.Duration
	for _, l := range lanes {
		for c, d := range l.Waits {
			if d > 0 {
				waits, longest = append(waits, wait{laneName(l.Provider, l.Model), c, d}), max(longest, d)
			}
		}
	}
	slices.SortFunc(waits, func(a, b wait) int {
		return cmp.Or(cmp.Compare(b.time, a.time), cmp.Compare(a.lane, b.lane), cmp.Compare(a.cause, b.cause))
	})
	rows := make([]waitRow, 0, len(waits))
	for _, w := range waits {
		c, ok := causes[w.cause]
		if !ok {
			c.name = visible(w.cause)
		}
		rows = append(rows, waitRow{w.lane, c.name, c.advice, span(w.time), share("level", float64(w.time), float64(longest))})
	}
	return rows
}

func laneName(provider, model string) string {
	if model == "" {
		return visible(cmp.Or(provider, "-"))
	}
	return visible(provider + " " + model)
}

func settings(list []Setting) (shown []Setting, origin bool) {
	for _, s := range list {
		value := visible(s.Value)
		if s.Secret {
			value = "(set, not shown)"
			if s.Value == "" {
				value = "(not set)"
			}
		}
		shown = append(shown, Setting{Name: visible(s.Name), Value: value, Origin: visible(s.Origin)})
		origin = origin || s.Origin != ""
	}
	return shown, origin
}
