package wasm

import (
	"sync"
	"time"
)

// A stopwatch counts the time for which the host waits for a guest, and calls
// a function when it is used up. It is safe for concurrent use.
//
// The host waits while it wants a record (wanted) and the guest has something
// to do: the guest has taken less input than it was offered, or its input is at
// its end.
type stopwatch struct {
	mu       sync.Mutex
	left     time.Duration
	expire   func()
	timer    *time.Timer
	since    time.Time // of the present count; zero while it stands
	over     bool
	stopped  bool
	wanted   bool
	offered  uint64 // bytes written to the guest's input, or being written
	taken    uint64 // bytes that the guest had taken when it last waited
	waiting  bool   // the guest said that it waits for input
	inputEnd bool
}

// newStopwatch returns a stopwatch that stands.
func newStopwatch(left time.Duration, expire func()) *stopwatch {
	return &stopwatch{left: left, expire: expire}
}

// start counts from now on, whatever the guest does.
func (s *stopwatch) start() { s.change(func() { s.wanted, s.inputEnd = true, true }) }

// want says whether the host wants a record.
func (s *stopwatch) want(yes bool) { s.change(func() { s.wanted = yes }) }

// offer says that n bytes and items more are being given to the guest.
func (s *stopwatch) offer(n int, more time.Duration) {
	s.change(func() { s.offered += uint64(n); s.left += more })
}

// wait says that the guest waits for input and has taken n bytes so far.
func (s *stopwatch) wait(n uint64) {
	s.change(func() { s.taken, s.waiting = n, true })
}

// endInput says that no more input will come.
func (s *stopwatch) endInput() { s.change(func() { s.inputEnd = true }) }

// stop ends the counting for good.
func (s *stopwatch) stop() { s.change(func() { s.stopped = true }) }

// expired reports whether the time was used up.
func (s *stopwatch) expired() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over
}

// change changes the state and starts or stops the count accordingly.
func (s *stopwatch) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.since.IsZero() {
		now := time.Now()
		s.left -= now.Sub(s.since)
		s.since = time.Time{}
	}
	if s.timer != nil {
		s.timer.Stop()
	}
	f()
	idle := s.waiting && s.taken >= s.offered && !s.inputEnd
	if s.stopped || s.over || !s.wanted || idle {
		return
	}
	s.since = time.Now()
	if s.timer == nil {
		s.timer = time.AfterFunc(s.left, s.ring)
	} else {
		s.timer.Reset(s.left)
	}
}

// ring is called by the timer. A change may have overtaken it.
func (s *stopwatch) ring() {
	s.mu.Lock()
	late := s.stopped || s.over || s.since.IsZero() || time.Since(s.since) < s.left
	if !late {
		s.over = true
	}
	s.mu.Unlock()
	if !late {
		s.expire()
	}
}
