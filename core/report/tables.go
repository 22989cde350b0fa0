package report

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/cortexlinux/cortex-host/sdk"
)

// laneTotals returns the run's own lanes, or those that the results tell of.
func (rec *Recorder) laneTotals(own []Lane) []laneGroup {
	var list []laneGroup
	for _, l := range own {
		g := laneGroup{laneKey: laneKey{l.Provider, l.Model}, totals: l.Totals}
		g.latency, g.served = rec.lanes.seen(g.laneKey, own)
		list = append(list, g)
	}
	if len(own) == 0 {
		for _, g := range rec.lanes.groups {
			list = append(list, *g)
		}
	}
	slices.SortStableFunc(list, func(a, b laneGroup) int {
		return cmp.Or(cmp.Compare(b.totals.Cost, a.totals.Cost), cmp.Compare(b.totals.SuccessCount, a.totals.SuccessCount))
	})
	return list
}

// laneRows returns a row for each lane and their sum: the run's totals. The
// bar shows a lane's share of the cost, or of the answers if none cost
// anything.
func laneRows(list []laneGroup, totals Totals, latency *histogram) (rows []laneRow, sum laneRow) {
	for _, g := range list {
		row := laneRowOf(g.totals, &g.latency)
		row.Provider, row.Model = visible(cmp.Or(g.provider, "-")), visible(cmp.Or(g.model, "-"))
		row.Served = visible(servedNames(g))
		row.Share = laneShare(g.totals, totals)
		rows = append(rows, row)
	}
	return rows, laneRowOf(totals, latency)
}

func laneShare(lane, all Totals) template.HTML {
	if all.Cost > 0 {
		return share("level", lane.Cost.USD(), all.Cost.USD())
	}
	return share("level", float64(lane.SuccessCount), float64(all.SuccessCount))
}

func laneRowOf(t Totals, latency *histogram) laneRow {
	row := laneRow{
		Answered: count(t.SuccessCount), Failed: count(t.FailureCount), Calls: count(t.Attempts),
		Prompt: count(t.Tokens.PromptTokens), Completed: count(t.Tokens.CompletionTokens),
		Cost: costHeadline(t).Shown, P50: "-", P95: "-",
	}
	if t.UnknownCosts > 0 && t.Cost > 0 {
		row.Cost += " + unknown"
	}
	if latency.n > 0 {
		row.P50, row.P95 = span(latency.quantile(0.5)), span(latency.quantile(0.95))
	}
	return row
}

// servedNames lists the models that answered, unless it was the one asked for.
func servedNames(g laneGroup) string {
	names := slices.DeleteFunc(slices.Clone(g.served), func(name string) bool { return name == g.model })
	list := strings.Join(names, ", ")
	if len(g.served) == maxServed {
		list += " and perhaps more"
	}
	return list
}

func failureViews(f *failures) []failureView {
	groups := f.sorted()
	var whole int64
	for _, g := range groups {
		whole += g.count
	}
	var views []failureView
	for _, g := range groups {
		v := failureView{Kind: visible(string(g.kind)), Count: count(g.count), Percent: percent(g.count, whole),
			Meaning: explanations[g.kind], Share: share("failed", float64(g.count), float64(whole))}
		for _, e := range g.examples {
			shown := exampleView{ID: visible(e.id), Provider: visible(e.provider), Message: visible(e.message)}
			if e.status != 0 {
				shown.Status = fmt.Sprintf("HTTP %d", e.status)
			}
			v.Examples = append(v.Examples, shown)
		}
		views = append(views, v)
	}
	return views
}

func slowestRows(rows []row) []rowView {
	var views []rowView
	for _, r := range rows {
		v := r.view()
		v.Share = share("level", float64(r.took), float64(rows[0].took))
		views = append(views, v)
	}
	return views
}

func (r row) view() rowView {
	v := rowView{ID: visible(r.id), Provider: visible(cmp.Or(r.provider, "-")), Model: visible(cmp.Or(r.model, "-")), Took: span(r.took),
		Attempts: count(r.attempts), Tokens: "-", Cost: "-", Outcome: "answered"}
	if r.tokens != nil {
		v.Tokens = count(*r.tokens)
	}
	if r.cost != nil {
		v.Cost = money(*r.cost)
	}
	switch {
	case r.failed:
		v.Outcome = "failed"
	case r.degraded:
		v.Outcome = "by a fallback"
	}
	return v
}

// facts says on one line who answered and what it took.
func (r row) facts() string {
	facts := []string{}
	if r.provider != "" {
		facts = append(facts, visible(r.provider))
	}
	if r.model != "" {
		facts = append(facts, visible(r.model))
	}
	if r.tokens != nil {
		facts = append(facts, plural(*r.tokens, "token", "tokens"))
	}
	if r.cost != nil && *r.cost != sdk.Money(0) {
		facts = append(facts, money(*r.cost))
	}
	facts = append(facts, span(r.took))
	if r.attempts > 1 {
		facts = append(facts, plural(r.attempts, "call", "calls"))
	}
	if r.degraded {
		facts = append(facts, "by a fallback")
	}
	return strings.Join(facts, " · ")
}

// views returns the answers to show and says what was left out.
func (a *answers) views() (views []answerView, left string) {
	for _, kept := range a.list {
		views = append(views, answerView{rowView: kept.view(), Facts: kept.facts(), Text: visible(kept.text),
			Failure: visible(kept.failure), Failed: kept.failed, Cut: kept.cut})
	}
	if a.missed > 0 {
		left = fmt.Sprintf("The page holds the first %s; %s more did not fit. All of them are in the run's output.",
			plural(len(a.list), "result", "results"), count(a.missed))
	}
	return views, left
}
