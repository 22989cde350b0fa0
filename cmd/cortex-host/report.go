package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/cortexlinux/cortex-host/core/config"
	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/format"
	"github.com/cortexlinux/cortex-host/core/report"
	"github.com/cortexlinux/cortex-host/sdk"
)

// A page is the report of a run that is under way; a nil page is none.
type page struct {
	path     string
	recorder *report.Recorder
	run      report.Run
}

// newPage begins the report of --report.
func (a *app) newPage(path string, c *config.Config) *page {
	if path == "" {
		return nil
	}
	now := time.Now()
	p := &page{path: path, recorder: report.New(report.Config{Started: now}),
		run: report.Run{Command: "cortex-host " + commandLine(a.args), Version: version, Started: now}}
	values := c.Values()
	for _, k := range config.Keys() {
		if v, ok := values[k.Name]; ok {
			p.run.Settings = append(p.run.Settings, report.Setting{Name: k.Name, Value: v.Text, Origin: v.Origin})
		}
	}
	return p
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

func newReportCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "report RESULTS -o FILE.html", Short: "Make the page about a run from its results", GroupID: groupLook,
		Long: `Make one self-contained HTML page about a run from the file of its results
(NDJSON, as -o wrote it). A run with --report FILE.html makes the same page with
charts over time.`,
		Example: "  cortex-host report answers.ndjson -o answers.html",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("", "which results? usage: %s", cmd.UseLine())
			}
			return nil
		},
	}
	out := cmd.Flags().StringP("output", "o", "", "write the page to this `FILE`")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		if *out == "" {
			return usagef("name it with -o FILE.html", "the page needs a file")
		}
		f, err := a.open(args[0])
		if err != nil {
			return err
		}
		defer f.Close()
		unpacked, err := format.CompressionOf(args[0]).NewReader(f)
		if err != nil {
			return err
		}
		defer unpacked.Close()
		recorder := report.New(report.Config{})
		if err := recorder.ObserveAll(results(unpacked, inputName(args[0]))); err != nil {
			return err
		}
		if err := writePage(*out, recorder, report.Run{Title: inputName(args[0]), Version: version}); err != nil {
			return err
		}
		a.info("wrote %s", *out)
		return nil
	}
	return cmd
}

// results reads rows of NDJSON.
func results(r io.Reader, name string) iter.Seq2[sdk.Result, error] {
	return func(yield func(sdk.Result, error) bool) {
		lines := format.NewLineReader(r, format.Input{Name: name})
		for {
			line, err := lines.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			var row sdk.Result
			if err == nil {
				if err = row.UnmarshalJSON(line.Text); err != nil || row.QueryID == "" {
					err = lines.Fail(line, "not a result in NDJSON, as cortex-host writes it", err)
				}
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// checkReportPath finds out whether the page can be written before the run.
func checkReportPath(path string) error {
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return usagef("", "cannot write the report: %w", err)
	}
	return f.Close()
}
