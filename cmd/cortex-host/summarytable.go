package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/format"
)

// noteTable shows the run's numbers by provider and model, for people.
func (a *app) noteTable(s executor.Summary) {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "\tanswered\tfailed\tcalls\ttokens\tcost\tmedian\t95 %\t\n")
	rows := 0
	for _, l := range s.Lanes {
		if l.Attempts == 0 && l.SuccessCount+l.FailureCount == 0 {
			continue
		}
		rows++
		name := format.Shorten(strings.TrimSpace(l.Name+" "+l.Model), 40)
		median, most := "-", "-"
		if l.Latency.Count > 0 {
			median, most = format.Seconds(l.Latency.P50), format.Seconds(l.Latency.P95)
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t\n", name, l.SuccessCount, l.FailureCount, l.Attempts, l.TotalTokens, costOf(l.Totals), median, most)
	}
	if rows == 0 {
		return
	}
	if rows > 1 {
		fmt.Fprintf(w, "all\t%d\t%d\t%d\t%d\t%s\t\t\t\n", s.SuccessCount, s.FailureCount, s.Attempts, s.TotalTokens, costOf(s.Totals))
	}
	_ = w.Flush() // a strings.Builder takes everything
	a.note("%s", strings.TrimRight(b.String(), "\n"))
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
