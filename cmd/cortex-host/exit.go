package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/cortexlinux/cortex-host/core/config"
	"github.com/cortexlinux/cortex-host/core/format"
	"github.com/cortexlinux/cortex-host/core/wasm"
)

// The exit codes. They are stable.
const (
	exitOK     = 0
	exitFatal  = 1
	exitUsage  = 2
	exitFailed = 3 // finished, but queries failed
	exitEarly  = 4 // ended by a budget or a deadline
)

// A failure ends the program: what is wrong, how to mend it, and the code. An
// empty text means that everything was said already.
type failure struct {
	err  error
	hint string
	code int
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// errSaid is the error of a failure that needs no more words.
var errSaid = errors.New("")

// fatalf is a failure with code 1.
func fatalf(hint, message string, args ...any) error {
	return &failure{fmt.Errorf(message, args...), hint, exitFatal}
}

// usagef is a failure with code 2.
func usagef(hint, message string, args ...any) error {
	return &failure{fmt.Errorf(message, args...), hint, exitUsage}
}

// asUsage makes err a failure with code 2.
func asUsage(err error) error {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	return &failure{err: err, hint: "see `cortex-host --help`", code: exitUsage}
}

// exitCode returns the code that err ends the program with.
func exitCode(err error) int {
	if errors.Is(err, errClosed) {
		return exitOK // whoever read the output has seen enough
	}
	if f, ok := errors.AsType[*failure](err); ok {
		return f.code
	}
	if _, ok := errors.AsType[*config.Error](err); ok {
		return exitUsage
	}
	if errors.Is(err, wasm.InvalidParams) {
		return exitUsage
	}
	return exitFatal
}

// hintOf returns how to mend err, or "".
func hintOf(err error) string {
	if f, ok := errors.AsType[*failure](err); ok && f.hint != "" {
		return f.hint
	}
	if e, ok := errors.AsType[*config.Error](err); ok {
		return e.Hint
	}
	return ""
}

// report prints an error and its hint.
func (a *app) report(err error) {
	if errors.Is(err, errClosed) {
		return
	}
	if text := err.Error(); text != "" {
		a.note("error: %s", text)
	}
	if hint := hintOf(err); hint != "" {
		a.note("hint: %s", hint)
	}
}

// A signalError is the cause of a context that a signal ended.
type signalError struct{ signal syscall.Signal }

func (e *signalError) Error() string {
	return "stopped by " + map[syscall.Signal]string{syscall.SIGINT: "SIGINT", syscall.SIGTERM: "SIGTERM", syscall.SIGHUP: "SIGHUP"}[e.signal]
}

func (e *signalError) exit() int { return 128 + int(e.signal) }

// endedBySignal returns the signal that ended ctx, or nil.
func endedBySignal(ctx context.Context) *signalError {
	end, _ := errors.AsType[*signalError](context.Cause(ctx))
	return end
}

// withSignals returns a context that the first SIGINT, SIGTERM or SIGHUP ends;
// the second ends the program. A closed pipe is an error of the write and not
// a signal.
func withSignals(stderr io.Writer) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	pipes := make(chan os.Signal, 1)
	signal.Notify(pipes, syscall.SIGPIPE) // ignoring it would be inherited by children
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		defer close(done)
		first, ok := <-signals
		if !ok {
			return
		}
		end := &signalError{first.(syscall.Signal)}
		cancel(end)
		if _, again := <-signals; again {
			fmt.Fprintln(stderr, "error: "+format.Inline(end.Error())+", twice: not waiting any longer")
			os.Exit(end.exit())
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		signal.Stop(pipes)
		close(signals)
		<-done
		cancel(nil)
	}
}
