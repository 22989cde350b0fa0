package wasm

import (
	"fmt"
	"strings"
)

// Reason is why a generator could not go on. A Reason is an error, so that
// errors.Is(err, wasm.Deadline) works on every error of this package.
type Reason string

// Error returns the name of the reason.
func (r Reason) Error() string { return string(r) }

// The reasons. The list is append only.
const (
	// InvalidModule: the file is no WebAssembly module that can be compiled.
	InvalidModule Reason = "invalid_module"
	// ForbiddenImport: the module imports more than WASI preview 1 offers to a
	// generator.
	ForbiddenImport Reason = "forbidden_import"
	// InvalidManifest: the custom section cortex.manifest is missing, broken or
	// of an ABI that this host does not speak.
	InvalidManifest Reason = "invalid_manifest"
	// InvalidParams: a parameter is unknown, missing or not of its schema.
	InvalidParams Reason = "invalid_params"
	// InvalidItem: an item of the input cannot be handed to a guest; it is the
	// cause of an [sdk.ItemError].
	InvalidItem Reason = "invalid_item"
	// Deadline: the host waited for the guest for as long as it may.
	Deadline Reason = "deadline"
	// OutOfMemory: guest or compiler wanted more memory than it may have.
	OutOfMemory Reason = "out_of_memory"
	// OutOfCPU: the child used up its processor time.
	OutOfCPU Reason = "out_of_cpu"
	// Trapped: the guest crashed (unreachable, stack overflow, bad access).
	Trapped Reason = "trapped"
	// ExitStatus: the guest ended with a status that is not 0.
	ExitStatus Reason = "exit_status"
	// BadRecord: the guest printed something that is no record.
	BadRecord Reason = "bad_record"
	// LimitExceeded: the guest printed more than it may.
	LimitExceeded Reason = "limit_exceeded"
	// NotAllowed: a query asks for something that only the operator may choose.
	NotAllowed Reason = "not_allowed"
	// Silent: the guest was given items and printed nothing at all.
	Silent Reason = "silent"
	// ChildFailed: the confined child could not be started or broke down.
	ChildFailed Reason = "child_failed"
	// HostFailed: the host itself could not go on, for want of disk, say.
	HostFailed Reason = "host_failed"
)

// Error says why a generator's run ended early.
type Error struct {
	// Generator is the name of the module, or its file.
	Generator string
	// Reason is what happened.
	Reason Reason
	// Message says it for people, with the fix. It may quote the guest:
	// untrusted text without control characters.
	Message string
	// Log is the beginning and the end of what the guest printed on stderr:
	// untrusted text.
	Log string
	// Cause is the error underneath, or nil.
	Cause error
}

// Error returns "generator NAME: message", and what the guest said on stderr.
func (e *Error) Error() string {
	s := fmt.Sprintf("generator %s: %s", e.Generator, e.Message)
	if e.Log != "" {
		s += "\n  it said: " + strings.ReplaceAll(e.Log, "\n", "\n  ")
	}
	return s
}

// Unwrap makes errors.Is work for the reason and for the cause.
func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Reason}
	}
	return []error{e.Reason, e.Cause}
}

func failf(reason Reason, format string, args ...any) *Error {
	return &Error{Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// named returns e with the generator's name filled in.
func (e *Error) named(name string) *Error {
	if e.Generator == "" {
		e.Generator = name
	}
	return e
}

// quote shows hostile bytes to people: at most n of them, no control
// characters, marked when cut.
func quote(b []byte, n int) string {
	if len(b) > n {
		return fmt.Sprintf("%q...", b[:n])
	}
	return fmt.Sprintf("%q", b)
}
