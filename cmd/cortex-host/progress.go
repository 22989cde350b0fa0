package main

import (
	"encoding/json"
	"io"
	"time"

	"github.com/cortexlinux/cortex-host/core/config"
	"github.com/cortexlinux/cortex-host/core/executor"
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

// progressMode decides how progress is shown: a bar where it can be redrawn,
// else a line from time to time.
func (a *app) progressMode(c *config.Config) string {
	canRedraw := isTerminal(a.stderr) && a.lookup("TERM") != "dumb" && c.Log != "-"
	switch {
	case a.quiet:
		return progressNone
	case c.Progress != progressAuto && c.Progress != progressBar:
		return c.Progress
	case canRedraw:
		return progressBar
	}
	return progressPlain
}

// showProgress shows a run on stderr until stop is called. What is printed on
// the same terminal meanwhile goes to live, if that is not nil.
func (a *app) showProgress(mode string, exec *executor.Executor, total int64) (live io.Writer, stop func()) {
	m := newMeter(exec, total)
	switch mode {
	case progressBar:
		return a.bar(m)
	case progressPlain:
		return nil, every(plainEvery, func() { a.note("%s", m.read()) })
	case progressJSON:
		return nil, every(time.Second, func() {
			if row, err := json.Marshal(m.read()); err == nil {
				a.note("%s", row)
			}
		})
	}
	return nil, func() {}
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
