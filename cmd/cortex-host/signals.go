package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/cortexlinux/cortex-host/core/format"
)

// A signalError is the cause of an end that a signal asked for.
type signalError struct{ signal syscall.Signal }

func (e *signalError) Error() string {
	return "stopped by " + map[syscall.Signal]string{syscall.SIGINT: "SIGINT", syscall.SIGTERM: "SIGTERM", syscall.SIGHUP: "SIGHUP"}[e.signal]
}

func (e *signalError) exit() int { return 128 + int(e.signal) }

// interrupts turns signals into the end of the program: the first one asks for
// an orderly end, if somebody knows how, else it cancels; the second cancels;
// the third ends the process.
type interrupts struct {
	ctx    context.Context
	cancel context.CancelCauseFunc

	mu      sync.Mutex
	orderly func(*signalError) // nil: nobody knows how
	known   bool               // somebody does, or did: the program ends by itself
	last    func()             // what must be done before an end at once, or nil
	first   *signalError
}

// watchSignals returns the interrupts of this process. A closed pipe is an
// error of the write and not a signal.
func watchSignals(stderr io.Writer) (i *interrupts, stop func()) {
	i = &interrupts{}
	i.ctx, i.cancel = context.WithCancelCause(context.Background())
	pipes := make(chan os.Signal, 1)
	signal.Notify(pipes, syscall.SIGPIPE) // ignoring it would be inherited by children
	signals := make(chan os.Signal, 3)
	signal.Notify(signals, syscall.SIGTERM)
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGHUP} {
		if !signal.Ignored(s) { // nohup, or a shell's background job: whoever started us does not want it
			signal.Notify(signals, s)
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for s := range signals {
			if !i.receive(&signalError{s.(syscall.Signal)}) {
				i.exit(stderr, ", again: not waiting any longer")
			}
			if i.aborted() {
				time.AfterFunc(deaf, func() {
					if i.aborted() { // still: a run may have begun a moment later
						i.exit(stderr, "")
					}
				})
			}
		}
	}()
	return i, func() {
		signal.Stop(signals)
		signal.Stop(pipes)
		close(signals)
		<-done
		i.cancel(nil)
	}
}

// deaf is for how long a command that has nothing to end in an orderly way may
// go on behind a signal: it may be waiting for a pipe that nobody opens.
const deaf = 2 * time.Second

// aborted reports whether a signal came and nobody has known an orderly end yet.
// Behind one the program closes what it has opened, and is given the time.
func (i *interrupts) aborted() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.first != nil && !i.known
}

// exit ends the process at once.
func (i *interrupts) exit(stderr io.Writer, how string) {
	fmt.Fprintln(stderr, "error: "+format.Inline(i.ended().Error())+how+"\nhint: `cortex-host runs list` shows what can be resumed")
	i.beforeExit()
	os.Exit(i.ended().exit())
}

// receive acts on one signal. It returns false if nothing softer is left than
// to end the process.
func (i *interrupts) receive(s *signalError) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case i.first == nil:
		i.first = s
		if i.orderly != nil {
			i.orderly(s)
		} else {
			i.cancel(s)
		}
	case i.ctx.Err() == nil:
		i.cancel(i.first)
	default:
		return false
	}
	return true
}

// onFirst says how to end in an orderly way, until the returned function is
// called. orderly must not block.
func (i *interrupts) onFirst(orderly func(*signalError)) (done func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.orderly, i.known = orderly, true
	if i.first != nil {
		orderly(i.first) // it came a moment too early
	}
	return func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.orderly = nil
	}
}

// atExit says what must be done before an end at once, until the returned
// function is called.
func (i *interrupts) atExit(last func()) (forget func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.last = last
	return func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.last = nil
	}
}

func (i *interrupts) beforeExit() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.last != nil {
		i.last()
	}
}

// ended returns the first signal, nil if there was none.
func (i *interrupts) ended() *signalError {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.first
}
