package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/term"

	"github.com/cortexlinux/cortex-host/core/format"
)

// An app is what every command has: the three streams and the environment.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	env            func(string) (string, bool)
	args           []string // the command line, for the journal
	quiet, verbose bool     // -q, -v
	stdinTaken     bool     // queries or items are read from stdin
	devPlugins     []string // --dev-plugin
	signals        *interrupts
	unsaid         error // why a help could not be printed: cobra has no place for it

	notes  sync.Mutex   // one note at a time
	noteTo func(string) // takes notes instead of stderr, or nil
}

// execute runs one command line and returns the exit code.
func (a *app) execute(args []string) int {
	a.args = args
	root, started := newRoot(a)
	root.SetArgs(args)
	err := root.ExecuteContext(a.signals.ctx)
	if err != nil && !*started {
		err = asUsage(err)
	}
	if err == nil {
		err = a.unsaid
	}
	if err == nil {
		return exitOK // also if a signal came too late to matter
	}
	if end := a.signals.ended(); end != nil {
		a.report(&failure{end, hintOf(err), end.exit()})
		return end.exit()
	}
	a.report(err)
	return exitCode(err)
}

// note tells people something on stderr. What is formatted into it may be
// untrusted.
func (a *app) note(message string, args ...any) {
	a.notes.Lock()
	defer a.notes.Unlock()
	text := fmt.Sprintf(message, args...)
	if a.noteTo != nil {
		a.noteTo(text)
		return
	}
	fmt.Fprintln(a.stderr, format.Clean(text))
}

// info is a note that --quiet keeps back.
func (a *app) info(message string, args ...any) {
	if !a.quiet {
		a.note(message, args...)
	}
}

// lookup returns an environment variable, or "".
func (a *app) lookup(name string) string {
	value, _ := a.env(name)
	return value
}

// isTerminal reports whether a stream is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// terminalWidth returns the width of a terminal in columns; one that does not
// say has 80.
func terminalWidth(stream any) int {
	if f, ok := stream.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return width
		}
	}
	return 80
}

// readLine reads a line that somebody types. A signal ends the wait; whoever
// still reads then ends with the program.
func readLine(ctx context.Context, from *bufio.Reader) (string, error) {
	type read struct {
		line string
		err  error
	}
	typed := make(chan read, 1)
	go func() {
		line, err := from.ReadString('\n')
		typed <- read{line, err}
	}()
	select {
	case r := <-typed:
		return r.line, r.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}
