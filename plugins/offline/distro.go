package main

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
)

// newest returns the lists of a manager that keeps them in files which match
// one of the patterns; they are as old as the newest of them.
func (m *machine) newest(source, fix string, patterns ...string) lists {
	l := lists{source: source, fix: fix}
	for _, pattern := range patterns {
		files, _ := filepath.Glob(m.path(pattern)) // the patterns are constants and well formed
		for _, file := range files {
			l.present = true
			l.written = latest(l.written, m.modified(strings.TrimPrefix(file, strings.TrimSuffix(m.root, "/"))))
		}
	}
	return l
}

// A question is one run of a tool and where its output goes.
type question struct {
	into *output
	tool string
	args []string
}

// askAll runs tools at once. It fails if one of them could not run, but for
// those that are not on this machine: they leave an output of exit code 127.
func (m *machine) askAll(ctx context.Context, all ...question) error {
	errs := make([]error, len(all))
	var asked sync.WaitGroup
	for i, q := range all {
		if !m.tools.Has(q.tool) {
			q.into.exit = 127
			continue
		}
		asked.Go(func() { *q.into, errs[i] = m.tools.Run(ctx, q.tool, q.args...) })
	}
	asked.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// lines splits a tool's output into its lines that are not blank.
func lines(text string) []string {
	var all []string
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}
