package executor

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// Pause keeps anything more from being sent, until [Executor.Resume]. Calls
// under way go on.
func (e *Executor) Pause() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.paused = true
}

// Resume ends a pause.
func (e *Executor) Resume() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.paused = false
	e.wake()
}

// SetMaxConcurrent changes how many calls may be under way at once, from now
// on. It ends the search of Config.AutoConcurrent.
func (e *Executor) SetMaxConcurrent(n int) error {
	if n < 1 {
		return fmt.Errorf("max concurrent must be at least 1, not %d", n)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.slots, e.auto = n, nil
	e.wake()
	return nil
}

// SetRequestsPerSecond changes the rate of a lane, or of all lanes if the name
// is empty, from now on; 0 takes the limit away. It ends the search for a rate.
func (e *Executor) SetRequestsPerSecond(lane string, rate float64) error {
	if math.IsNaN(rate) || math.IsInf(rate, 0) || rate < 0 {
		return fmt.Errorf("requests per second must be a number of at least 0 (0 is off), not %v", rate)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	found := false
	for _, l := range e.lanes {
		if lane == "" || l.Name == lane {
			l.limiter.SetRate(time.Now(), rate, e.cfg.Burst)
			found = true
		}
	}
	if !found {
		return fmt.Errorf("there is no lane %q", lane)
	}
	e.cfg.RequestsPerSecond = &rate // of lanes that queries will open
	e.wake()
	return nil
}

// ErrStopped is the error of a run that [Executor.Stop] has ended.
var ErrStopped = errors.New("the run was stopped")

// Stop ends all runs that are under way: nothing more is sent, calls under way
// are finished. Their queries that were not sent end as [sdk.Canceled], and
// Run returns [ErrStopped].
func (e *Executor) Stop() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for r := range e.runs {
		e.halt(r, &halt{err: ErrStopped, unsent: sdk.Canceled})
	}
}
