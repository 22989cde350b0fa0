package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// A Report is everything that was measured.
type Report struct {
	Time    time.Time     `json:"time"`
	Machine Machine       `json:"machine"`
	Cases   []*Comparison `json:"cases"`
}

// A Comparison is one case, asked by all arms.
type Comparison struct {
	Case Case         `json:"case"`
	Arms []*ArmResult `json:"arms"`
}

// An ArmResult is what an arm took.
type ArmResult struct {
	Name string `json:"name"`
	Runs []Run  `json:"runs"`
	// Seconds is wall time, QueriesPerSecond its reciprocal, CPUMicros CPU
	// time per query.
	Seconds          Spread `json:"seconds"`
	QueriesPerSecond Spread `json:"queries_per_second"`
	CPUMicros        Spread `json:"cpu_us_per_query"`
	PeakMB           Spread `json:"peak_mb"`
	// P50 and P99 are how much longer a query took than the vendor's latency,
	// in microseconds, where that is fixed.
	P50 Spread `json:"added_p50_us"`
	P99 Spread `json:"added_p99_us"`
	// CPURatio and WallRatio are to the baseline in the same round.
	CPURatio  Spread `json:"cpu_ratio"`
	WallRatio Spread `json:"wall_ratio"`
}

// A Spread is a median with the lowest and the highest value.
type Spread struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

func spreadOf(runs []Run, value func(i int, r Run) float64) Spread {
	values := make([]float64, len(runs))
	for i, r := range runs {
		values[i] = value(i, r)
	}
	slices.Sort(values)
	n := len(values)
	if n == 0 {
		return Spread{}
	}
	return Spread{(values[(n-1)/2] + values[n/2]) / 2, values[0], values[n-1]}
}

// summarize fills in the spreads.
func (c *Comparison) summarize() {
	base := c.Arms[slices.IndexFunc(c.Arms, func(a *ArmResult) bool { return a.Name == baseline })].Runs
	n := float64(c.Case.Queries)
	for _, a := range c.Arms {
		a.Seconds = spreadOf(a.Runs, func(_ int, r Run) float64 { return r.Wall.Seconds() })
		a.QueriesPerSecond = spreadOf(a.Runs, func(_ int, r Run) float64 { return n / r.Wall.Seconds() })
		a.CPUMicros = spreadOf(a.Runs, func(_ int, r Run) float64 { return r.CPU.Seconds() * 1e6 / n })
		a.PeakMB = spreadOf(a.Runs, func(_ int, r Run) float64 { return float64(r.PeakBytes) / 1e6 })
		a.P50 = spreadOf(a.Runs, func(_ int, r Run) float64 { return (r.P50 - c.Case.Latency).Seconds() * 1e6 })
		a.P99 = spreadOf(a.Runs, func(_ int, r Run) float64 { return (r.P99 - c.Case.Latency).Seconds() * 1e6 })
		a.CPURatio = spreadOf(a.Runs, func(i int, r Run) float64 { return r.CPU.Seconds() / base[i].CPU.Seconds() })
		a.WallRatio = spreadOf(a.Runs, func(i int, r Run) float64 { return r.Wall.Seconds() / base[i].Wall.Seconds() })
	}
}

// print writes the comparison as a table.
func (c *Comparison) print(w io.Writer) {
	fmt.Fprintf(w, "\n%s\n", c.Case)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "arm\twall s\t\tqueries/s\tCPU us/query\t\tCPU ratio\twall ratio\tpeak MB\tp50 +us\tp99 +us\trefused\tin flight\t")
	for _, a := range c.Arms {
		last := a.Runs[len(a.Runs)-1]
		fmt.Fprintf(t, "%s\t%.2f\t%.2f-%.2f\t%.0f\t%.1f\t%.1f-%.1f\t%.2f\t%.2f\t%.1f\t%.0f\t%.0f\t%d\t%d\t\n", a.Name,
			a.Seconds.Median, a.Seconds.Low, a.Seconds.High, a.QueriesPerSecond.Median,
			a.CPUMicros.Median, a.CPUMicros.Low, a.CPUMicros.High,
			a.CPURatio.Median, a.WallRatio.Median, a.PeakMB.Median, a.P50.Median, a.P99.Median, last.Refused, last.MaxInFlight)
	}
	t.Flush()
	for _, a := range c.Arms {
		if last := a.Runs[len(a.Runs)-1]; len(last.ByProcess) > 1 {
			fmt.Fprintf(w, "%s, CPU us/query by program:", a.Name)
			for _, p := range last.ByProcess {
				fmt.Fprintf(w, "  %s %.1f", p.Name, p.CPU.Seconds()*1e6/float64(c.Case.Queries))
			}
			fmt.Fprintln(w)
		}
	}
}
