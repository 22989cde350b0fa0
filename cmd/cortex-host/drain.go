package main

import (
	"time"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/format"
)

// defaultDrain is how long calls under way may still take after a signal.
const defaultDrain = 10 * time.Second

// stopOnSignal makes the first signal stop sending. Calls under way, which may
// be paid for already, get some time to end; then, or at the second signal, they
// are canceled.
func (a *app) stopOnSignal(exec *executor.Executor, drain time.Duration) (done func()) {
	var timer *time.Timer
	forget := a.signals.onFirst(func(s *signalError) {
		if drain <= 0 {
			a.signals.cancel(s)
			return
		}
		exec.Stop()
		if n := exec.Stats().InFlight; n > 0 {
			a.info("%v: nothing more is sent; waiting up to %s for %d calls under way (again: do not wait)", s, format.Seconds(drain), n)
		}
		timer = time.AfterFunc(drain, func() { a.signals.cancel(s) })
	})
	return func() {
		forget()
		if timer != nil {
			timer.Stop()
		}
	}
}
