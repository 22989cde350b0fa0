package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"syscall"

	"github.com/cortexlinux/cortex-host/core/format"
	"github.com/cortexlinux/cortex-host/sdk"
)

// printJSON prints a value as one line of JSON. JSON holds no raw control
// character; on a terminal, what else could steer it is escaped too.
func (a *app) printJSON(v any) error {
	row, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if isTerminal(a.stdout) {
		row = format.TerminalSafe(row)
	}
	_, err = fmt.Fprintf(a.stdout, "%s\n", row)
	return outputError(err)
}

// printReport prints what a check of a plugin or a generator writes, which
// quotes it.
func (a *app) printReport(write func(io.Writer) error) error {
	var b strings.Builder
	if err := write(&b); err != nil {
		return err
	}
	_, err := io.WriteString(a.stdout, format.Clean(b.String()))
	return outputError(err)
}

// sortedKeys returns the keys of a map in order.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// cut ends a sequence after n queries; 0 does not.
func cut(queries iter.Seq2[sdk.Query, error], n int64) iter.Seq2[sdk.Query, error] {
	if n <= 0 {
		return queries
	}
	return func(yield func(sdk.Query, error) bool) {
		left := n
		for q, err := range queries {
			left--
			if !yield(q, err) || left == 0 {
				return
			}
		}
	}
}

// errClosed is the end of a run whose reader went away: nothing is wrong.
var errClosed = errors.New("the output was closed")

// outputError tells a reader that went away (| head) from a write that failed.
func outputError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EPIPE):
		return errClosed
	}
	return fmt.Errorf("cannot write the output: %w", err)
}

// An outputWriter is stdout for what prints by itself, with our errors.
type outputWriter struct{ to io.Writer }

func (w outputWriter) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	return n, outputError(err)
}
