package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/format"
	"github.com/cortexlinux/cortex-host/core/journal"
	"github.com/cortexlinux/cortex-host/sdk"
)

const defaultSync = "group"

// recordFlags say how the run is recorded and whether it continues one.
type recordFlags struct {
	resume, failed, degraded, newRun bool
	sync                             string
}

func (r *recordFlags) add(f *pflag.FlagSet) {
	f.BoolVar(&r.resume, "resume", false, "continue the run that writes to the -o file: ask what has no answer yet")
	f.BoolVar(&r.failed, "failed", false, "with --resume: ask only what failed")
	f.BoolVar(&r.degraded, "degraded", false, "with --resume: also ask again what a fallback answered")
	f.BoolVar(&r.newRun, "new-run", false, "drop the unfinished run that writes to the -o file")
	f.StringVar(&r.sync, "sync", defaultSync, "when the journal waits for the disk: `always|group|none` (none: a power loss may cost answers)")
}

// check refuses flags that do not go together.
func (r *recordFlags) check() error {
	switch {
	case r.resume && r.newRun:
		return usagef("--resume continues the run, --new-run drops it", "--resume and --new-run cannot be given together")
	case !r.resume && r.failed:
		return usagef("add --resume", "--failed says what a resumed run asks again")
	case !r.resume && r.degraded:
		return usagef("add --resume", "--degraded says what a resumed run asks again")
	}
	return nil
}

func (r *recordFlags) again() journal.Again {
	return journal.Again{Failed: true, Degraded: r.degraded, Pending: !r.failed}
}

// journalConfig is where runs are recorded.
func (a *app) journalConfig(sync string) (journal.Config, error) {
	mode, err := journal.ParseSyncMode(sync)
	if err != nil {
		return journal.Config{}, &failure{err, "", exitUsage}
	}
	dir := a.xdg("XDG_STATE_HOME", ".local/state")
	if dir == "" {
		return journal.Config{}, usagef("set HOME or XDG_STATE_HOME", "there is no directory to record the run in")
	}
	return journal.Config{Dir: filepath.Join(dir, "runs"), Sync: mode}, nil
}

// A journalSink writes rows to a file, with a journal that survives whatever
// happens to this process.
type journalSink struct {
	app     *app
	run     *journal.Run
	encoder format.Encoder
	plan    journal.Plan
	row     []byte // the last one's memory
	// discarded says that nothing is left of the run, since nothing was sent.
	discarded bool
}

// maxSpareRow is the longest row whose memory is kept for the next.
const maxSpareRow = 64 << 10

var _ sink = (*journalSink)(nil)

// openJournal begins the run of -o, or continues it. It finds out whether
// results can be written before any is paid for.
func (a *app) openJournal(ctx context.Context, o *outputFlags, e format.Encoder, plan journal.Plan) (*journalSink, error) {
	cfg, err := a.journalConfig(o.record.sync)
	if err != nil {
		return nil, err
	}
	plan.Output = outputOf(o)
	plan.Output.Header = headerOf(e)
	plan.WorkDir = workDir()
	var run *journal.Run
	if o.record.resume {
		run, err = a.resumeJournal(ctx, cfg, plan, o.record.again())
	} else {
		run, err = journal.Create(ctx, cfg, plan)
	}
	if err != nil {
		return nil, journalFailure(err, o.path)
	}
	for _, line := range run.Notes() {
		a.note("%s", line)
	}
	return &journalSink{app: a, run: run, encoder: e, plan: plan}, nil
}

// outputOf is where the rows go. A file is one, by whatever links it is named.
func outputOf(o *outputFlags) journal.Output {
	out := journal.Output{Path: realPath(o.path), Replace: o.force, Discard: o.record.newRun}
	if c := format.CompressionOf(o.path); c != format.Plain {
		out.Codec, out.Coded = c, true
	}
	if o.errorPath != "" {
		out.ErrorPath = realPath(o.errorPath)
	}
	return out
}

func (a *app) resumeJournal(ctx context.Context, cfg journal.Config, plan journal.Plan, again journal.Again) (*journal.Run, error) {
	info, err := journal.Find(ctx, cfg, plan.Output.Path)
	if err != nil {
		return nil, err
	}
	return journal.Resume(ctx, cfg, info.ID, plan, again)
}

// journalFailure adds what to do.
func journalFailure(err error, path string) error {
	if e, ok := errors.AsType[*journal.ExistsError](err); ok {
		if e.Run != "" {
			return usagef("continue it with --resume, or drop it with --new-run", "%w", err)
		}
		return usagef("choose another name, move it away, or replace it with --force", "%w", err)
	}
	if _, ok := errors.AsType[*journal.SecretError](err); ok {
		return usagef("`cortex-host provider list` names the variables of keys; `cortex-host provider describe NAME` those of other settings", "%w", err)
	}
	if _, ok := errors.AsType[*journal.ChangedError](err); ok {
		return usagef("resume with the same settings, or begin anew with --new-run", "%w", err)
	}
	if _, ok := errors.AsType[*journal.EditedError](err); ok {
		return usagef("undo the change, or begin anew with another name for -o", "%w", err)
	}
	switch {
	case errors.Is(err, journal.ErrNoRun):
		hint := "leave --resume out to begin one; `cortex-host runs list` shows what is recorded"
		if e, ok := errors.AsType[*journal.CorruptError](err); ok {
			return usagef(hint, "no run writes to %s, unless this is its journal: %w", path, e)
		}
		return usagef(hint, "no run writes to %s", path)
	case errors.Is(err, journal.ErrNoFile), errors.Is(err, syscall.ENAMETOOLONG), errors.Is(err, syscall.ENOTDIR):
		return usagef("name another file", "%w", err)
	case errors.Is(err, journal.ErrComplete):
		return &failure{err, "", exitOK}
	case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist):
		return usagef("name a file in a directory that is there and can be written to", "%w", err)
	}
	return err
}

func (s *journalSink) recorder() executor.Recorder { return s.run }

func (s *journalSink) spent() (sdk.Money, int64) { return spentBefore(s.run.Before()) }

// spentBefore is what earlier sessions took from the budget.
func spentBefore(t journal.Totals) (sdk.Money, int64) {
	return t.Spent, max(t.Tokens, t.Usage.TotalTokens())
}

func (s *journalSink) unpriced() int64 { return s.run.Before().Unpriced }

func (s *journalSink) write(r *sdk.Result) error {
	row, err := s.encoder.Append(s.row[:0], r)
	if err != nil {
		return err
	}
	if s.row = row; cap(row) > maxSpareRow {
		s.row = nil
	}
	return s.run.Settle(r, row)
}

func (s *journalSink) finish(ctx context.Context) error {
	// A signal that comes now must not keep a complete run from its file.
	_, err := s.run.Finish(context.WithoutCancel(ctx))
	if errors.Is(err, journal.ErrIncomplete) {
		return errors.Join(err, s.abandon("incomplete"))
	}
	return err
}

func (s *journalSink) abandon(reason string) error {
	if totals := s.run.Totals(); totals.Attempts == 0 && totals.Settled() == 0 {
		s.discarded = true // the command line can simply be repeated
		return s.run.Discard(reason)
	}
	err := s.run.Close(reason)
	s.app.note("finished results are in %s", s.plan.Output.Partial())
	return err
}

func (s *journalSink) id() string { return s.run.ID() }

func (s *journalSink) again() string {
	if s.discarded {
		return ""
	}
	return fmt.Sprintf("continue with `cortex-host resume %s`, or with the same command line and --resume", s.run.ID())
}
