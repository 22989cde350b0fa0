package report

import (
	"fmt"
	"html/template"
	"math"
	"time"
)

// A chart is a figure of the page.
type chart struct {
	Title, Summary string
	Drawing        template.HTML
	Failures       bool // has failures in another colour
}

// throughputChart shows results a second over time.
func throughputChart(t *timeline) chart {
	fewer := barsFor(t)
	peak, at := 0.0, time.Duration(0)
	var total int64
	for _, b := range t.bars(fewer(wide)) {
		total += b.answered + b.failed
		if r := perSecond(b, b.answered+b.failed); r > peak {
			peak, at = r, b.from
		}
	}
	c := chart{Title: "Throughput", Summary: fmt.Sprintf("%s results a second on average, %s at most, %s after the start.",
		decimal(float64(total)/seconds(t.end)), decimal(peak), span(at))}
	for _, s := range t.slots {
		c.Failures = c.Failures || s.failed > 0
	}
	c.Drawing = bothSizes(func(s size) string {
		bars := t.bars(fewer(s))
		highest := 0.0
		for _, b := range bars {
			highest = math.Max(highest, perSecond(b, b.answered+b.failed))
		}
		d := draw(s, c.Title, c.Summary)
		d.timeAxes(t.end, valueAxis(highest, 4, false), "results a second")
		for _, b := range bars {
			x1, x2 := d.stretch(b, s)
			bottom, top := d.y(0), d.y(perSecond(b, b.answered))
			label := when(b) + ": " + decimal(perSecond(b, b.answered)) + " answered a second"
			if b.failed > 0 {
				label += ", " + decimal(perSecond(b, b.failed)) + " failed"
				d.rect("failed", x1, d.y(perSecond(b, b.answered+b.failed)), x2, top, label)
			}
			if b.answered > 0 {
				d.rect("answered", x1, top, x2, bottom, label)
			}
		}
		return d.end()
	})
	return c
}

// concurrencyChart shows how many queries were under way over time.
func concurrencyChart(t *timeline) chart {
	fewer := barsFor(t)
	level := func(b bar) float64 { return b.busy.Seconds() / seconds(b.to-b.from) }
	highest, busy := 0.0, time.Duration(0)
	for _, b := range t.bars(fewer(wide)) {
		highest, busy = math.Max(highest, level(b)), busy+b.busy
	}
	c := chart{Title: "Queries under way", Summary: fmt.Sprintf("%s on average, %s at most. A query is under way from its first call to its last, the waits between them included.",
		decimal(busy.Seconds()/seconds(t.end)), decimal(highest))}
	c.Drawing = bothSizes(func(s size) string {
		d := draw(s, c.Title, c.Summary)
		d.timeAxes(t.end, valueAxis(highest, 4, false), "queries")
		for _, b := range t.bars(fewer(s)) {
			x1, x2 := d.stretch(b, s)
			d.rect("level", x1, d.y(level(b)), x2, d.y(0), when(b)+": "+decimal(level(b))+" under way")
		}
		return d.end()
	})
	return c
}

// barsFor returns how many bars a chart of a size gets: fewer for a short run,
// in which most of many bars would be empty.
func barsFor(t *timeline) func(size) int {
	var results int64
	for _, s := range t.slots {
		results += s.answered + s.failed
	}
	return func(s size) int { return min(max(int(results/4), 10), s.bars) }
}

func perSecond(b bar, n int64) float64 { return float64(n) / seconds(b.to-b.from) }

// seconds is never 0, so that a run that took no time divides by something.
func seconds(d time.Duration) float64 { return math.Max(d.Seconds(), 1e-6) }

func when(b bar) string { return span(b.from) + " to " + span(b.to) }

// timeAxes draws both axes of a chart over time.
func (d *drawing) timeAxes(end time.Duration, values []tick, unit string) {
	d.xEnd = math.Max(float64(end), 1)
	d.yAxis(values, unit)
	for _, t := range timeAxis(end, d.ticks) {
		d.xTick(d.x(t.at), t.label)
	}
	d.xName("time since the start")
}

// stretch returns where a bar begins and ends, with a gap between bars where
// there is room for one.
func (d *drawing) stretch(b bar, s size) (x1, x2 float64) {
	x1, x2 = d.x(float64(b.from)), d.x(float64(b.to))
	if x2-x1 > 4 {
		x2--
	}
	return x1, x2
}

// latencyChart shows how long answered queries took, on a logarithmic axis.
func latencyChart(h *histogram) chart {
	p50, p95, p99 := h.quantile(0.50), h.quantile(0.95), h.quantile(0.99)
	c := chart{Title: "Time to answer", Summary: fmt.Sprintf("Half of the queries were answered within %s, 95 %% within %s, 99 %% within %s.",
		span(p50), span(p95), span(p99))}
	from, to := latencyRange(h)
	width := math.Log(to / from)
	c.Drawing = bothSizes(func(s size) string {
		n := min(s.bars, int(width/math.Log(1.05)))
		counts := make([]float64, n)
		highest := 0.0
		for i, k := range h.counts {
			if k > 0 {
				lo, hi := bucketRange(i)
				spread(counts, math.Log(math.Max(float64(lo), from)/from)/width, math.Log(math.Max(float64(hi), from)/from)/width, float64(k))
			}
		}
		for _, k := range counts {
			highest = math.Max(highest, k)
		}
		d := draw(s, c.Title, c.Summary)
		d.xEnd = float64(n)
		d.yAxis(valueAxis(highest, 4, true), "queries")
		place := func(v float64) float64 { return d.x(math.Log(math.Max(v, from)/from) / width * float64(n)) }
		for _, t := range logAxis(time.Duration(from), time.Duration(to), s.ticks) {
			d.xTick(place(t.at), t.label)
		}
		d.xName("time from first call to answer")
		for i, k := range counts {
			if k > 0 {
				edge := func(i int) time.Duration {
					return time.Duration(from * math.Exp(width*float64(i)/float64(n)))
				}
				d.rect("answered", d.x(float64(i)), d.y(k), d.x(float64(i+1))-0.6, d.y(0),
					fmt.Sprintf("%s to %s: about %s", span(edge(i)), span(edge(i+1)), plural(int64(math.Round(k)), "query", "queries")))
			}
		}
		d.markers([]marker{{place(float64(p50)), "p50"}, {place(float64(p95)), "p95"}, {place(float64(p99)), "p99"}})
		return d.end()
	})
	return c
}

// latencyRange returns the ends of the latency axis: what was measured with
// room on both sides, so wide that there is a round number in it.
func latencyRange(h *histogram) (from, to float64) {
	from = math.Max(float64(h.min), float64(time.Microsecond)) / 1.15
	to = math.Max(float64(h.max), from) * 1.15
	if ratio := to / from; ratio < 6 {
		widen := math.Sqrt(6 / ratio)
		from, to = from/widen, to*widen
	}
	return math.Max(from, float64(time.Microsecond)), to
}

// spread adds n to the bins that lie between two shares of the axis, to each
// as much as it covers.
func spread(bins []float64, from, to, n float64) {
	from, to = from*float64(len(bins)), to*float64(len(bins))
	first, last := max(int(from), 0), min(int(to), len(bins)-1)
	if to <= from || first >= last {
		bins[min(first, len(bins)-1)] += n
		return
	}
	for i := first; i <= last; i++ {
		covered := math.Min(to, float64(i+1)) - math.Max(from, float64(i))
		bins[i] += n * covered / (to - from)
	}
}

// A marker is a line through a chart with a name at its top.
type marker struct {
	x    float64
	name string
}

// markers draws markers from left to right. Names that would touch move apart.
func (d *drawing) markers(list []marker) {
	const room = 30
	free := 0.0
	for _, m := range list {
		d.line("marker", m.x, marginTop-8, m.x, d.height-marginBottom)
		at := math.Max(m.x, free)
		d.text("mark", "middle", at, marginTop-12, m.name)
		free = at + room
	}
}
