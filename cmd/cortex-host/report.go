package main

import (
	"bytes"
	"fmt"
	"time"

	"github.com/cortexlinux/cortex-host/core/config"
	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/report"
	"github.com/cortexlinux/cortex-host/sdk"
)

// A page is the report of a run that is under way; a nil page is none.
type page struct {
	path     string
	recorder *report.Recorder
	run      report.Run
}

// newPage begins the report of --report. The command line is without secrets.
func newPage(path, command string, c *config.Config, secrets []string) *page {
	if path == "" {
		return nil
	}
	now := time.Now()
	p := &page{path: path, recorder: report.New(report.Config{Started: now}),
		run: report.Run{Command: command, Version: version, Started: now}}
	values := c.Values()
	for _, k := range config.Keys() {
		if v, ok := values[k.Name]; ok {
			p.run.Settings = append(p.run.Settings, report.Setting{Name: k.Name, Value: redact(v.Text, secrets), Origin: v.Origin})
		}
	}
	return p
}

// named gives the run its id.
func (p *page) named(id string) {
	if p != nil {
		p.run.ID = id
	}
}

func (p *page) observe(r *sdk.Result) {
	if p != nil {
		p.recorder.Observe(r, time.Now())
	}
}

// write writes the page of a run that has ended.
func (p *page) write(s executor.Summary) error {
	if p == nil {
		return nil
	}
	totals := reportTotals(s.Totals)
	p.run.TotalTime, p.run.Stopped, p.run.Totals = s.TotalTime, s.Stopped, &totals
	for _, l := range s.Lanes {
		waits := map[string]time.Duration{}
		for cause, d := range l.Waits {
			waits[string(cause)] = d
		}
		p.run.Lanes = append(p.run.Lanes, report.Lane{Provider: l.Name, Model: l.Model, Totals: reportTotals(l.Totals), Waits: waits})
	}
	return writePage(p.path, p.recorder, p.run)
}

func reportTotals(t executor.Totals) report.Totals {
	return report.Totals{
		SuccessCount: t.SuccessCount, FailureCount: t.FailureCount, SkippedCount: t.SkippedCount,
		TruncatedCount: t.TruncatedCount, DegradedCount: t.DegradedCount, Attempts: t.Attempts,
		Tokens: t.Tokens, Cost: t.Cost, UnknownCosts: t.UnknownCosts,
	}
}

func writePage(path string, recorder *report.Recorder, run report.Run) error {
	var b bytes.Buffer
	if err := recorder.WritePage(&b, run); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := replaceFile(path, b.Bytes(), 0o600); err != nil {
		return fmt.Errorf("cannot write the report: %w", err)
	}
	return nil
}
