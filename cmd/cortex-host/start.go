package main

import (
	"context"
	"errors"
	"iter"
	"path/filepath"
	"strings"

	"github.com/hashicorp/go-hclog"

	"github.com/cortexlinux/cortex-host/core/store"
	"github.com/cortexlinux/cortex-host/sdk"
)

// homePath replaces a leading ~/ by the user's home.
func (a *app) homePath(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		return filepath.Join(a.lookup("HOME"), rest)
	}
	return path
}

func (a *app) homePaths(paths []string) []string {
	var list []string
	for _, p := range paths {
		list = append(list, a.homePath(p))
	}
	return list
}

// logger returns what plugins log to: stderr with --verbose, else nothing.
func (a *app) logger() hclog.Logger {
	if !a.verbose {
		return hclog.NewNullLogger()
	}
	return hclog.New(&hclog.LoggerOptions{Name: appName, Level: hclog.Debug, Output: noteWriter{a}})
}

// noteWriter makes notes of the lines that are written to it.
type noteWriter struct{ app *app }

// Write takes whole lines.
func (w noteWriter) Write(p []byte) (int, error) {
	w.app.note("%s", strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}

// warm starts the first lane's process now, while the queries are still being
// made. The sequence that it returns waits for the process before its first
// query: a plugin that cannot start, or refuses its settings, is an error of
// the run, and costs nothing.
func (h *house) warm(ctx context.Context, queries iter.Seq2[sdk.Query, error]) iter.Seq2[sdk.Query, error] {
	var failed error
	ready := make(chan struct{})
	h.warming.Go(func() {
		defer close(ready)
		failed = h.processes[0].Start(ctx)
	})
	return func(yield func(sdk.Query, error) bool) {
		for q, err := range queries {
			<-ready
			if failed != nil {
				yield(sdk.Query{}, h.startFailure(failed))
				return
			}
			if !yield(q, err) {
				return
			}
		}
	}
}

// startFailure says what the provider may be missing. A plugin that broke while
// it started is nothing that the command line could mend.
func (h *house) startFailure(err error) error {
	if errors.Is(err, sdk.Internal) && !errors.Is(err, store.ErrRefused) {
		return &failure{err, "", exitFatal}
	}
	hint := "`cortex-host provider describe " + h.offers[0].name + "` shows its settings"
	if variables, set := h.offers[0].keys(h.env); !set && len(variables) > 0 && len(h.offers[0].instance.Keys) == 0 {
		hint = "set " + strings.Join(variables, " or ") + "; " + hint
	}
	return &failure{err, hint, exitUsage}
}
