package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/cortexlinux/cortex-host/core/config"
	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/journal"
	"github.com/cortexlinux/cortex-host/core/price"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/core/structured"
	"github.com/cortexlinux/cortex-host/sdk"
)

// A job is one run, ready to go: nothing more has to be found out.
type job struct {
	config  *config.Config
	lanes   []route.Lane
	routes  route.Table
	prices  *price.Book
	queries iter.Seq2[sdk.Query, error]
	sink    sink
	// command is the command line without secrets.
	command string
	// source is the file that queries or items are read from, or empty.
	source string
	// text says that the rows are for people: they show what failed.
	text bool
	// say is what all queries are known to say themselves.
	say ownWords
	// repeatable says that the queries can be gone through more than once.
	repeatable bool
	// total is the number of queries, 0 if it is not known.
	total int64
	// drain is how long calls under way may take when the run ends early;
	// negative: not at all.
	drain time.Duration
	// progress is how it is shown.
	progress string
	// metrics is the address at which statistics are served, or empty.
	metrics string
	// control is the path of the control socket, or empty; mustControl says
	// that the run cannot do without.
	control     string
	mustControl bool
	// log is where events are written, or nil.
	log *runLog
	// page is the report, or nil.
	page *page
	// summary is the path of --summary, or empty.
	summary string
	// generator is the hash of the module that makes the queries, or empty.
	generator string
}

// ask runs a job to its end: results, summary, exit code.
func (a *app) ask(ctx context.Context, j job) error {
	exec, err := executor.New(j.executorConfig())
	if err != nil {
		return &failure{err, "", exitUsage}
	}
	stopMetrics, err := a.serveMetrics(j.metrics, exec)
	if err != nil {
		return errors.Join(err, j.sink.abandon(err.Error()))
	}
	defer stopMetrics()
	defer a.stopOnSignal(exec, j.drain)()
	c := controls{exec}
	stopControl, err := a.serveControl(j.control, c, j.total)
	switch {
	case err != nil && !j.mustControl:
		a.info("warning: %v", err) // nobody asked for it
	case err != nil:
		return errors.Join(err, j.sink.abandon(err.Error()))
	}
	if stopControl != nil {
		defer stopControl()
	}
	live, stopProgress := a.showProgress(j.progress, exec, j.total)
	if s, ok := j.sink.(*streamSink); ok && live != nil && isTerminal(a.stdout) {
		s.to = live // the terminal is the same one: answers go above the bar
	}
	stopKeys := a.watchRun(c, live != nil)
	j.log.begun(&j)
	var failed failures
	var r sdk.Result // the present one: the sink has one at a time
	s, err := exec.Run(ctx, withDefaults(j.queries, j.config), func(result sdk.Result) error {
		if r = result; unsent(&r) {
			return nil
		}
		r.Generator = j.generator
		failed.add(&r)
		j.page.observe(&r)
		j.log.result(&r)
		return j.sink.write(&r)
	})
	stopKeys()
	stopProgress()
	j.nameSources(&s.Predicted)
	j.log.ended(s, err)
	return a.conclude(ctx, j, s, &failed, err)
}

// watchRun lets keys change the run, where there is a bar to show what they do
// and the terminal is not what the queries are read from.
func (a *app) watchRun(c controls, bar bool) (stop func()) {
	if !bar || a.stdinTaken && isTerminal(a.stdin) {
		return func() {}
	}
	end := sync.OnceFunc(watchKeys(func(b byte) {
		if said := c.key(b); said != "" {
			a.info("%s", said)
		}
	}))
	forget := a.signals.atExit(end)
	return func() {
		forget()
		end()
	}
}

// unsent reports whether the end of the run kept a query from being asked, or
// cut it off: it has no result, and a resumed run asks it.
func unsent(r *sdk.Result) bool {
	return executor.Unsent(r) || r.Error != nil && r.Response == nil && (r.Error.Kind == sdk.Canceled || errors.Is(r.Error, executor.ErrDeadline))
}

// nothingToAsk tells of an empty input, which is no error: a night without
// failures in the journal is a good one.
const nothingToAsk = "note: the input is empty: there is nothing to ask"

// conclude ends a run: file, summary, exit code.
func (a *app) conclude(ctx context.Context, j job, s executor.Summary, failed *failures, runErr error) error {
	var err error
	if runErr == nil {
		err = j.sink.finish(ctx)
	} else {
		err = j.sink.abandon(runErr.Error())
	}
	err = errors.Join(err, a.writeSummary(j.summary, s), j.page.write(s))
	if errors.Is(runErr, errClosed) {
		return errClosed
	}
	if !j.text {
		a.noteFailures(failed)
	}
	if runErr == nil && s.SuccessCount+s.FailureCount+s.SkippedCount+s.UnsentCount == 0 {
		a.info(nothingToAsk)
	}
	if !a.quiet {
		if j.text {
			a.noteTable(s)
		}
		a.noteSummary(s)
	}
	again := j.sink.again()
	switch {
	case runErr != nil && endedEarly(runErr):
		return errors.Join(&failure{runErr, hintOfStop(runErr, again), exitEarly}, err)
	case runErr == nil && errors.Is(err, journal.ErrIncomplete):
		return &failure{err, again, exitEarly}
	case runErr != nil || err != nil:
		return withNext(errors.Join(runErr, err), again)
	case j.config.FailOn.Exceeded(s.FailureCount, s.SuccessCount+s.SkippedCount+s.FailureCount):
		failed := fmt.Errorf("%d of %d queries failed", s.FailureCount, s.SuccessCount+s.SkippedCount+s.FailureCount)
		return &failure{failed, again, exitFailed}
	}
	return nil
}

// endedEarly reports whether a budget, a deadline or hopelessness ended the run.
func endedEarly(err error) bool {
	_, aborted := errors.AsType[*executor.AbortError](err)
	_, stopped := errors.AsType[*executor.LanesStoppedError](err)
	return aborted || stopped || errors.Is(err, sdk.BudgetExhausted) || errors.Is(err, sdk.DeadlineExceeded)
}

// scout is for how long the first call of a lane goes alone: a wrong key is then
// found out by one call, and a run hardly takes longer for it.
const scout = 50 * time.Millisecond

// executorConfig turns settings into the executor's.
func (j job) executorConfig() executor.Config {
	c := j.config
	out := executor.Config{
		Lanes: j.lanes, Routes: j.routes, Scout: scout, Burst: c.Burst,
		MaxConcurrent: c.MaxConcurrent.N, AutoConcurrent: c.MaxConcurrent.Auto,
		TokensPerMinute: c.TokensPerMinute, Share: c.Share,
		RetryFailed: &c.RetryFailed, MaxRetries: &c.MaxRetries,
		QueryTimeout: c.Timeout, Deadline: c.Deadline, Drain: j.drain, AbortAfter: c.AbortAfter,
		Checker: structured.New(), Prices: j.prices, Budget: limits(c),
	}
	out.Budget.SpentCost, out.Budget.SpentTokens = j.sink.spent()
	if r := j.log.recorder(j.sink.recorder()); r != nil {
		out.Recorder = r
	}
	switch rate := c.RequestsPerSecond; {
	case rate.Auto:
		out.AutoRate = true
	case rate.Set:
		out.RequestsPerSecond = &rate.PerSecond
	}
	return out
}

// withDefaults fills in what queries leave to the run.
func withDefaults(queries iter.Seq2[sdk.Query, error], c *config.Config) iter.Seq2[sdk.Query, error] {
	return func(yield func(sdk.Query, error) bool) {
		for q, err := range queries {
			if q.Temperature == nil {
				q.Temperature = c.Temperature
			}
			if q.MaxTokens == nil {
				q.MaxTokens = c.MaxTokens
			}
			if q.Priority == 0 {
				q.Priority = c.Priority
			}
			if !yield(q, err) {
				return
			}
		}
	}
}
