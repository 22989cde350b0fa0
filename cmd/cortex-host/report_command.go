package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cortexlinux/cortex-host/core/format"
	"github.com/cortexlinux/cortex-host/core/journal"
	"github.com/cortexlinux/cortex-host/core/report"
	"github.com/cortexlinux/cortex-host/sdk"
)

func newReportCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "report RUN|RESULTS", Short: "Make the page about a run", GroupID: groupLook,
		Long: `Make one self-contained HTML page about a run: a recorded one by its id, or the
file of its results (NDJSON, as -o wrote it). What the record of the run knows is
on the page: when each call ended, what was paid, the settings. Waits by cause are
known only while a run goes on: "run --report FILE.html" has them too.`,
		Example: "  cortex-host report answers.ndjson\n  cortex-host report 20260102-150405-abcdef -o night.html",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("`cortex-host runs list` shows what is recorded", "which run? usage: %s", cmd.UseLine())
			}
			return nil
		},
	}
	out := new(string)
	cmd.Flags().VarP(fileFlag{out, "/dev/stdout"}, "output", "o", "write the page to this `FILE`; - is stdout (default: the name of the results with .html)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		source, err := a.reportSource(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		path := *out
		if path == "" {
			name, _, _ := strings.Cut(filepath.Base(source.path), ".")
			if path = name + ".html"; exists(path) {
				return usagef("name it with -o FILE.html: that replaces it", "%s is there already", path)
			}
		}
		if err := a.reportLater(cmd.Context(), source, path); err != nil {
			return err
		}
		if !isStream(path) {
			a.info("wrote %s", path)
		}
		return nil
	}
	return cmd
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// A reportSource is a run that is over: its results, and its record if there is
// one.
type reportSource struct {
	path   string
	record *journal.Info
}

func (a *app) reportSource(ctx context.Context, name string) (reportSource, error) {
	if name == "-" || exists(name) {
		source := reportSource{path: name}
		if info, err := a.showRun(ctx, name); err == nil && info.State != journal.StateUnreadable {
			source.record = &info
		}
		return source, nil
	}
	info, err := a.showRun(ctx, name)
	if err != nil {
		return reportSource{}, err
	}
	path := info.Plan.Output.Path
	if info.State == journal.StateUnreadable {
		return reportSource{}, &failure{errors.New(info.Reason), "name the file of the results: the page is made of them alone then", exitFatal}
	}
	if !exists(path) {
		path = info.Plan.Output.Partial()
	}
	return reportSource{path, &info}, nil
}

// reportLater writes the page of a run from what is left of it.
func (a *app) reportLater(ctx context.Context, source reportSource, path string) error {
	f, err := a.open(source.path)
	if err != nil {
		return err
	}
	defer f.Close()
	unpacked, err := format.CompressionOf(source.path).NewReader(f)
	if err != nil {
		return err
	}
	defer unpacked.Close()
	run := report.Run{Title: inputName(source.path), Version: version}
	cfg := report.Config{}
	var times completions
	if source.record != nil {
		run, cfg.Started = recordedRun(source.record), source.record.Created
		if times, err = a.completions(ctx, source.record.ID); err != nil {
			return err
		}
		run.TotalTime = times.last.Sub(cfg.Started)
	}
	recorder := report.New(cfg)
	for r, err := range results(unpacked, inputName(source.path)) {
		if err != nil {
			return withHint(err, "the page is made of results in NDJSON; a run whose results have another format makes its page by --report")
		}
		recorder.Observe(&r, times.of(r.Index))
	}
	if source.record != nil {
		totals := recordedTotals(recorder.Totals(), source.record.Totals)
		run.Totals = &totals
	}
	return writePage(path, recorder, run)
}

// recordedRun is what the record of a run tells.
func recordedRun(info *journal.Info) report.Run {
	run := report.Run{ID: info.ID, Command: "cortex-host " + commandLine(info.Plan.Args), Version: info.Plan.Origin.Host, Started: info.Created, Stopped: info.Reason}
	for _, list := range [][]journal.Field{info.Plan.Fixed, info.Plan.Free} {
		for _, f := range list {
			run.Settings = append(run.Settings, report.Setting{Name: f.Name, Value: f.Value})
		}
	}
	if info.Sessions > 1 {
		run.Notes = append(run.Notes, fmt.Sprintf("The run had %d sessions; the time between them counts.", info.Sessions))
	}
	if info.Totals.Resent > 0 {
		run.Notes = append(run.Notes, fmt.Sprintf("%d calls were cut off and made again; the vendor may have billed them twice.", info.Totals.Resent))
	}
	return run
}

// recordedTotals are the counts of the results, with the calls, tokens and money
// of all attempts, which only the record knows.
func recordedTotals(t report.Totals, recorded journal.Totals) report.Totals {
	t.Attempts, t.Tokens, t.Cost, t.UnknownCosts = int(recorded.Attempts), recorded.Usage, recorded.Spent, int(recorded.Unpriced)
	return t
}

// completions are when the last call of each query ended, by the query's place
// in the input.
type completions struct {
	began time.Time
	ended []time.Duration // since began; 0: not known
	last  time.Time
}

func (c *completions) add(index int64, at time.Time) {
	if c.began.IsZero() {
		c.began = at.Add(-time.Hour) // calls do not end in the order in which they began
	}
	for int64(len(c.ended)) <= index {
		c.ended = append(c.ended, 0)
	}
	c.ended[index] = at.Sub(c.began)
	if at.After(c.last) {
		c.last = at
	}
}

// of returns the time of a query, the zero time if it is not known.
func (c *completions) of(index int64) time.Time {
	if index < 0 || index >= int64(len(c.ended)) || c.ended[index] == 0 {
		return time.Time{}
	}
	return c.began.Add(c.ended[index])
}

// completions reads a run's journal.
func (a *app) completions(ctx context.Context, run string) (c completions, err error) {
	cfg, err := a.journalConfig(defaultSync)
	if err != nil {
		return c, err
	}
	for attempt, err := range journal.Attempts(ctx, cfg, run, "") {
		if err != nil {
			return c, runFailure(err, run)
		}
		if attempt.Ended {
			c.add(attempt.Index, attempt.Started.Add(time.Duration(attempt.Duration*float64(time.Second))))
		}
	}
	return c, nil
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
