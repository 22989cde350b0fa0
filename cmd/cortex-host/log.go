package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/cortexlinux/cortex-host/core/config"
	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/format"
	"github.com/cortexlinux/cortex-host/sdk"
)

// A runLog writes what happens in a run, one line an event: each has the run's
// id, and that of the query if it is about one. Prompts and answers are written
// only if that was asked for. A nil runLog writes nothing.
type runLog struct {
	logger  *slog.Logger
	content bool
	file    *logFile // nil: stderr
}

// A logFile remembers the first write that failed: a logger does not say so.
type logFile struct {
	*os.File
	err error
}

// Write is called by one goroutine at a time: the logger's lock is held.
func (f *logFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	if f.err == nil {
		f.err = err
	}
	return n, err
}

// openLog opens the log of the configuration, nil if there is none. While it is
// on stderr, notes are events of it too.
func (a *app) openLog(c *config.Config, run string) (*runLog, error) {
	if c.Log == "" {
		return nil, nil
	}
	l := &runLog{content: c.LogContent}
	out := a.stderr
	if c.Log != "-" {
		f, err := os.OpenFile(c.Log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return nil, usagef("name a file that can be written with --log", "cannot write the log: %w", err)
		}
		l.file = &logFile{File: f}
		out = l.file
	}
	l.logger = a.logTo(c, out).With("run", run)
	if c.Log == "-" {
		a.noteTo = l.note
	}
	return l, nil
}

// logTo returns a logger of the configured form.
func (a *app) logTo(c *config.Config, out io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: slog.LevelInfo}
	if a.verbose {
		options.Level = slog.LevelDebug
	}
	out = safeWriter{out}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(out, options))
	}
	return slog.New(slog.NewTextHandler(out, options))
}

// A safeWriter writes lines that no terminal obeys: JSON stays JSON.
type safeWriter struct{ to io.Writer }

func (w safeWriter) Write(p []byte) (int, error) {
	if _, err := w.to.Write(format.TerminalSafe(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// note writes what is told to people.
func (l *runLog) note(text string) {
	level := slog.LevelInfo
	switch kind, _, _ := strings.Cut(text, ":"); kind {
	case "error", "hint":
		level = slog.LevelError
	case "warning", "failed":
		level = slog.LevelWarn
	}
	l.logger.Log(context.Background(), level, text)
}

// begun writes who is asked.
func (l *runLog) begun(j *job) {
	if l == nil {
		return
	}
	var lanes []string
	for i := range j.lanes {
		lanes = append(lanes, strings.TrimSpace(j.lanes[i].Name+" "+j.lanes[i].Model))
	}
	l.logger.Info("run begun", "command", j.command, "version", version, "lanes", lanes, "queries", j.total)
}

// result writes the outcome of one query.
func (l *runLog) result(r *sdk.Result) {
	if l == nil {
		return
	}
	attrs := []any{"query", r.QueryID, "attempts", r.Attempts, "seconds", seconds(r.ExecutionTime)}
	if a := r.Response; a != nil {
		attrs = append(attrs, "provider", a.Provider, "model", a.ModelServed, "request_id", a.RequestID)
		if a.Usage != nil {
			attrs = append(attrs, "tokens", a.Usage.TotalTokens())
		}
		if a.Cost != nil {
			attrs = append(attrs, "cost", a.Cost.USD())
		}
		if l.content {
			attrs = append(attrs, "content", a.Content)
		}
	}
	if r.Degraded {
		attrs = append(attrs, "degraded", true)
	}
	if e := r.Error; e != nil {
		l.logger.Warn("query failed", append(attrs, "kind", string(e.Kind), "status", e.Status, "error", e.Error(), "possibly_billed", r.PossiblyBilled)...)
		return
	}
	l.logger.Info("query answered", attrs...)
}

// ended writes the run's numbers.
func (l *runLog) ended(s executor.Summary, err error) {
	if l == nil {
		return
	}
	attrs := []any{"answered", s.SuccessCount, "failed", s.FailureCount, "skipped", s.SkippedCount, "attempts", s.Attempts,
		"tokens", s.TotalTokens, "cost", s.TotalCost.USD(), "unknown_costs", s.UnknownCosts, "seconds", seconds(s.TotalTime)}
	if err != nil {
		l.logger.Error("run ended early", append(attrs, "error", err.Error())...)
		return
	}
	l.logger.Info("run ended", attrs...)
}

// end closes the log. The error is why not all of it was written.
func (l *runLog) end() error {
	if l == nil || l.file == nil {
		return nil
	}
	return cmp.Or(l.file.err, l.file.Close())
}

// newRunID names a run that is not recorded.
func newRunID() string {
	var b [3]byte
	_, _ = rand.Read(b[:]) // it never fails
	return time.Now().UTC().Format("20060102-150405-") + hex.EncodeToString(b[:])
}

func seconds(d time.Duration) float64 { return float64(d.Round(time.Microsecond).Microseconds()) / 1e6 }

// recorder returns a recorder that logs attempts, and has inner do its work. A
// nil inner is none.
func (l *runLog) recorder(inner executor.Recorder) executor.Recorder {
	if l == nil {
		return inner
	}
	return &loggedRecorder{l, inner}
}

// A loggedRecorder logs what is recorded.
type loggedRecorder struct {
	log   *runLog
	inner executor.Recorder
}

// Admit implements [executor.Recorder].
func (r *loggedRecorder) Admit(index int64, q *sdk.Query) (send bool, err error) {
	if send = true; r.inner != nil {
		send, err = r.inner.Admit(index, q)
	}
	if r.log.content && send && err == nil {
		messages, jsonErr := json.Marshal(q.Messages)
		if jsonErr != nil {
			return send, jsonErr
		}
		r.log.logger.Info("query", "query", q.ID, "messages", json.RawMessage(messages))
	}
	return send, err
}

// AttemptStarted implements [executor.Recorder].
func (r *loggedRecorder) AttemptStarted(a sdk.Attempt) error {
	r.log.logger.Debug("attempt", "query", a.QueryID, "attempt", a.Number, "lane", a.Lane, "model", a.Model)
	if r.inner == nil {
		return nil
	}
	return r.inner.AttemptStarted(a)
}

// AttemptEnded implements [executor.Recorder].
func (r *loggedRecorder) AttemptEnded(a sdk.Attempt) error {
	attrs := []any{"query", a.QueryID, "attempt", a.Number, "lane", a.Lane, "model", a.Model, "seconds", seconds(a.Duration), "request_id", a.RequestID}
	if a.Kind != "" {
		r.log.logger.Warn("attempt failed", append(attrs, "kind", string(a.Kind))...)
	} else {
		r.log.logger.Debug("attempt answered", attrs...)
	}
	if r.inner == nil {
		return nil
	}
	return r.inner.AttemptEnded(a)
}
