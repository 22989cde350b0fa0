package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/format"
)

// The ways to show progress.
const (
	progressAuto  = "auto"
	progressBar   = "bar"
	progressPlain = "plain"
	progressJSON  = "json"
	progressNone  = "none"
)

// plainEvery is how often a line is printed where nothing can be redrawn.
const plainEvery = 10 * time.Second

// progressMode decides how progress is shown: a bar where it can be redrawn and
// does not share its terminal with the answers, which are progress enough.
func (a *app) progressMode(mode string, answersOnTerminal bool) (string, error) {
	switch mode {
	case progressBar, progressPlain, progressJSON, progressNone:
		return mode, nil
	case progressAuto:
		switch {
		case answersOnTerminal:
			return progressNone, nil
		case isTerminal(a.stderr) && a.lookup("TERM") != "dumb":
			return progressBar, nil
		}
		return progressPlain, nil
	}
	return "", usagef("use auto, bar, plain, json or none", "there is no way %q to show progress", mode)
}

// A gauge is how far a run is at one moment.
type gauge struct {
	Done     int     `json:"done"`
	Failed   int     `json:"failed"`
	InFlight int     `json:"in_flight"`
	Waiting  int     `json:"waiting"`
	Total    int64   `json:"total,omitempty"` // 0: not known
	Tokens   int64   `json:"tokens"`
	Cost     float64 `json:"cost"`
	Elapsed  float64 `json:"elapsed"`
	// Rate is results per second over the last moments.
	Rate float64 `json:"rate"`
	// Limit is what keeps the run from going faster, or empty.
	Limit string `json:"limited_by,omitempty"`
}

// String shows the gauge on one line.
func (g gauge) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d", g.Done)
	if g.Total > 0 {
		fmt.Fprintf(&b, "/%d", g.Total)
	}
	b.WriteString(" done")
	if g.Failed > 0 {
		fmt.Fprintf(&b, ", %d failed", g.Failed)
	}
	fmt.Fprintf(&b, ", %d in flight", g.InFlight)
	if g.Rate > 0 {
		fmt.Fprintf(&b, ", %.1f/s", g.Rate)
	}
	if g.Tokens > 0 {
		fmt.Fprintf(&b, ", %d tokens", g.Tokens)
	}
	if g.Cost > 0 {
		fmt.Fprintf(&b, ", $%.4f", g.Cost)
		if g.Total > int64(g.Done) && g.Done > 0 {
			fmt.Fprintf(&b, " of about $%.4f", g.Cost/float64(g.Done)*float64(g.Total))
		}
	}
	if left := g.left(); left > 0 {
		fmt.Fprintf(&b, ", %s left", format.Seconds(left))
	}
	if g.Limit != "" {
		fmt.Fprintf(&b, ", limited by %s", format.Inline(strings.ReplaceAll(g.Limit, "_", " ")))
	}
	return b.String()
}

// left estimates how long the rest takes, 0 if that cannot be said.
func (g gauge) left() time.Duration {
	if g.Rate <= 0 || g.Total <= int64(g.Done) {
		return 0
	}
	return time.Duration(float64(g.Total-int64(g.Done)) / g.Rate * float64(time.Second))
}

// A meter reads gauges off an executor. It is for one goroutine.
type meter struct {
	exec  *executor.Executor
	total int64
	began time.Time

	last time.Time
	done int
	rate float64
}

func newMeter(exec *executor.Executor, total int64) *meter {
	now := time.Now()
	return &meter{exec: exec, total: total, began: now, last: now}
}

// read returns the gauge of this moment.
func (m *meter) read() gauge {
	now, s := time.Now(), m.exec.Stats()
	g := gauge{InFlight: s.InFlight, Waiting: s.Queued, Total: m.total, Elapsed: now.Sub(m.began).Seconds()}
	for _, l := range s.Lanes {
		g.Done += l.SuccessCount + l.FailureCount
		g.Failed += l.FailureCount
		g.Tokens += l.Tokens.TotalTokens()
		g.Cost += l.Cost.USD()
		if g.Limit == "" {
			g.Limit = string(l.Waiting)
		}
	}
	if g.Limit == "" && g.InFlight > 0 {
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
	return g
}

// showProgress shows a run on stderr until stop is called. It returns where
// notes go meanwhile.
func (a *app) showProgress(mode string, exec *executor.Executor, total int64) (stop func()) {
	m := newMeter(exec, total)
	switch mode {
	case progressBar:
		return a.bar(m)
	case progressPlain:
		return every(plainEvery, func() { a.note("%s", m.read()) })
	case progressJSON:
		return every(time.Second, func() {
			if row, err := json.Marshal(m.read()); err == nil {
				a.note("%s", row)
			}
		})
	}
	return func() {}
}

// every calls show at intervals until stop is called.
func every(interval time.Duration, show func()) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				show()
			case <-quit:
				return
			}
		}
	}()
	return func() {
		close(quit)
		<-done
	}
}

// bar draws a line that is redrawn in place, and takes it away in the end.
// Notes are printed above it.
func (a *app) bar(m *meter) (stop func()) {
	p := mpb.New(mpb.WithOutput(a.stderr), mpb.WithAutoRefresh(), mpb.WithRefreshRate(200*time.Millisecond))
	text := decor.Any(func(decor.Statistics) string { return m.read().String() })
	options := []mpb.BarOption{mpb.AppendDecorators(text), mpb.BarRemoveOnComplete(), mpb.BarFillerTrim()}
	style := mpb.NopStyle()
	if m.total > 0 {
		style = mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding(" ").Rbound("] ")
		options = append(options, mpb.BarWidth(24))
	}
	b := p.New(m.total, style, options...)
	update := every(200*time.Millisecond, func() { b.SetCurrent(int64(m.count())) })
	below := a.redirect(p)
	return func() {
		update()
		b.Abort(true)
		p.Wait()
		below()
	}
}

// count returns the results so far.
func (m *meter) count() int {
	n := 0
	for _, l := range m.exec.Stats().Lanes {
		n += l.SuccessCount + l.FailureCount
	}
	return n
}

// redirect sends notes to another writer until the returned function is called.
func (a *app) redirect(to io.Writer) (back func()) {
	a.notes.Lock()
	defer a.notes.Unlock()
	before := a.stderr
	a.stderr = to
	return func() {
		a.notes.Lock()
		defer a.notes.Unlock()
		a.stderr = before
	}
}
