package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/format"
)

// A summaryRow is a line of the table: a provider and model, or all of them.
type summaryRow struct {
	name         string
	totals       executor.Totals
	median, most string // empty: of all together nobody wants to know
}

// noteTable shows the run's numbers by provider and model, for people.
func (a *app) noteTable(s executor.Summary) {
	var rows []summaryRow
	for _, l := range s.Lanes {
		if l.Attempts == 0 && l.SuccessCount+l.FailureCount == 0 {
			continue
		}
		row := summaryRow{format.Shorten(strings.TrimSpace(l.Name+" "+l.Model), 40), l.Totals, "-", "-"}
		if l.Latency.Count > 0 {
			row.median, row.most = format.Seconds(l.Latency.P50), format.Seconds(l.Latency.P95)
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return
	}
	if len(rows) > 1 {
		rows = append(rows, summaryRow{name: "all", totals: s.Totals})
	}
	table := tableOf(rows)
	header, _, _ := strings.Cut(table, "\n")
	if width := terminalWidth(a.stderr); isTerminal(a.stderr) && len(header) > width {
		table = listOf(rows, width)
	}
	a.note("%s", table)
}

func tableOf(rows []summaryRow) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "\tanswered\tfailed\tcalls\ttokens\tcost\tmedian\t95 %\t\n")
	for _, r := range rows {
		t := &r.totals
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t\n", r.name, t.SuccessCount, t.FailureCount, t.Attempts, t.TotalTokens, costOf(*t), r.median, r.most)
	}
	_ = w.Flush() // a strings.Builder takes everything
	return strings.TrimRight(b.String(), "\n")
}

// listOf says the same on a terminal that is too narrow for the table.
func listOf(rows []summaryRow, width int) string {
	var lines []string
	for _, r := range rows {
		t := &r.totals
		text := fmt.Sprintf("%s: %d answered, %d failed, %s, %d tokens, cost %s", r.name, t.SuccessCount, t.FailureCount, countOf(t.Attempts, "call"), t.TotalTokens, costOf(*t))
		if r.median != "" {
			text += fmt.Sprintf(", median %s, 95 %% %s", r.median, r.most)
		}
		lines = append(lines, fold(text, width)...)
	}
	return strings.Join(lines, "\n")
}

// costOf shows what is known of a cost.
func costOf(t executor.Totals) string {
	switch {
	case t.UnknownCosts > 0 && t.Cost == 0:
		return "unknown"
	case t.UnknownCosts > 0:
		return t.Cost.String() + " + unknown"
	case t.Cost == 0:
		return "$0"
	}
	return t.Cost.String()
}
