package main

import (
	"cmp"
	"errors"
	"fmt"
	"syscall"

	"github.com/cortexlinux/cortex-host/core/config"
	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/format"
	"github.com/cortexlinux/cortex-host/core/journal"
	"github.com/cortexlinux/cortex-host/core/wasm"
	"github.com/cortexlinux/cortex-host/sdk"
)

// The exit codes. They are stable.
const (
	exitOK     = 0
	exitFatal  = 1
	exitUsage  = 2
	exitFailed = 3 // finished, but queries failed
	exitEarly  = 4 // ended by a budget, a deadline or hopelessness; can be resumed
)

// A failure ends the program: what is wrong, how to mend it, and the code.
type failure struct {
	err  error
	hint string
	code int
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

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
	if e, ok := errors.AsType[*wasm.Error](err); ok {
		return hintOfGuest(e)
	}
	if e, ok := errors.AsType[*journal.BusyError](err); ok {
		return "`cortex-host control " + e.Run + "` looks at it, pauses and changes it"
	}
	if _, ok := errors.AsType[*journal.CorruptError](err); ok {
		return "what is left of the answers is in the run's FILE.partial: copy it before --new-run begins anew"
	}
	return hintOfSystem(err)
}

// hintOfSystem says what to do where the system refuses.
func hintOfSystem(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "free some space on that disk"
	case errors.Is(err, syscall.EROFS):
		return "that file system is read-only: name another place; `cortex-host help environment` lists the directories that can be moved"
	case errors.Is(err, syscall.EFBIG):
		return "files may not become that large here: `ulimit -f` tells and raises the limit"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return "too many files are open at once: raise `ulimit -n`, or lower --max-concurrent"
	}
	return ""
}

// hintOfGuest says what to do about a generator that could not go on.
func hintOfGuest(e *wasm.Error) string {
	switch e.Reason {
	case wasm.Deadline, wasm.OutOfMemory, wasm.OutOfCPU, wasm.Trapped, wasm.ExitStatus, wasm.BadRecord, wasm.LimitExceeded, wasm.Silent:
		return "`cortex-host generator test` says what is wrong with a generator, and how its author mends it"
	case wasm.InvalidParams:
		return "`cortex-host generator describe` shows parameters and presets"
	case wasm.NotAllowed:
		return "allow it if you trust the generator's author with what it costs and who reads it"
	case wasm.InvalidModule, wasm.ForbiddenImport, wasm.InvalidManifest:
		return "its author finds the contract in sdk/generator/SPEC.md, sections 1 and 8"
	}
	return ""
}

// report prints an error and its hint.
func (a *app) report(err error) {
	if errors.Is(err, errClosed) {
		return
	}
	code := exitCode(err)
	if code == exitOK {
		a.info("%v", err)
		return
	}
	a.note("error: %v", err)
	a.note("hint: %s", cmp.Or(hintOf(err), hintOfInput(err), generalHint(code)))
}

// hintOfInput says what to do about a file that cannot be read.
func hintOfInput(err error) string {
	if _, ok := errors.AsType[*format.Error](err); ok {
		return "mend what is named there"
	}
	return ""
}

// generalHint is what to do where nothing better is known.
func generalHint(code int) string {
	switch code {
	case exitUsage:
		return "see `cortex-host --help`"
	case exitEarly:
		return notRecorded
	case exitFailed:
		return "the rows of the results say what failed"
	case exitFatal:
		return "`cortex-host doctor` looks for what is wrong on this machine"
	}
	return "the same command line begins anew; a run with -o FILE can be resumed"
}

const notRecorded = "with -o FILE a run can be resumed"

// hintOfStop says what to do about what ended a run early, and then; again is
// how it is resumed, empty if it cannot be.
func hintOfStop(err error, again string) string {
	mend := ""
	aborted := !errors.Is(err, executor.ErrDeadline) && !errors.Is(err, sdk.BudgetExhausted)
	switch {
	case errors.Is(err, sdk.BudgetExhausted):
		mend = "raise --max-cost or --max-total-tokens"
	case aborted && errors.Is(err, sdk.DeadlineExceeded):
		mend = "give a query more time with --timeout"
	case aborted && hintOfKind(err) != "":
		mend = hintOfKind(err)
	case aborted:
		mend = "mend what is refused, in the queries or the settings"
	case again == "":
		mend = "give the run more time with --deadline"
	default:
		return again
	}
	if again == "" {
		return mend + "; " + notRecorded
	}
	return mend + "; then " + again
}

// withHint says how to mend err, unless it says so itself.
func withHint(err error, hint string) error {
	if err == nil || hint == "" || hintOf(err) != "" {
		return err
	}
	return &failure{err, hint, exitCode(err)}
}

// withNext says what to do once err is mended, as it says itself.
func withNext(err error, next string) error {
	if err == nil || next == "" {
		return err
	}
	if hint := cmp.Or(hintOf(err), hintOfInput(err)); hint != "" {
		next = hint + "; then " + next
	}
	return &failure{err, next, exitCode(err)}
}
