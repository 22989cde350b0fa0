package main

import (
	"time"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/format"
)

// defaultDrain is how long calls under way may still take when a run ends early.
const defaultDrain = executor.DefaultDrain

// stopOnSignal makes the first signal stop sending. Calls under way, which may
// be paid for already, get some time to end; then, or at the second signal, they
// are canceled.
func (a *app) stopOnSignal(exec *executor.Executor, drain time.Duration) (done func()) {
	return a.signals.onFirst(func(s *signalError) {
		exec.Stop()
		if n := exec.Stats().InFlight; n > 0 && drain > 0 {
			a.info("%v: nothing more is sent; waiting up to %s for %d calls under way (again: do not wait)", s, format.Seconds(drain), n)
		}
	})
}
