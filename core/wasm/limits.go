package wasm

import (
	"errors"
	"fmt"
	"time"
)

// withDefaults returns l with every zero field filled in.
func (l Limits) withDefaults() Limits {
	def := func(p *int64, v int64) {
		if *p == 0 {
			*p = v
		}
	}
	defInt := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	defTime := func(p *time.Duration, v time.Duration) {
		if *p == 0 {
			*p = v
		}
	}
	def(&l.ModuleBytes, 32<<20)
	defInt(&l.MemoryMB, 256)
	defTime(&l.Timeout, 30*time.Second)
	defTime(&l.TimeoutPerItem, 10*time.Millisecond)
	l.TimeoutPerItem = max(l.TimeoutPerItem, 0)
	defTime(&l.CompileTimeout, time.Minute)
	defTime(&l.CPUTime, time.Hour)
	defInt(&l.RecordBytes, 1<<20)
	defInt(&l.ItemBytes, 1<<20)
	defInt(&l.QueriesPerItem, 16)
	def(&l.Queries, 100_000_000)
	def(&l.OutputBytes, 64<<30)
	defInt(&l.LogBytes, 64<<10)
	return l
}

func (l Limits) validate() error {
	switch {
	case l.MemoryMB < 1 || l.MemoryMB > 4096:
		return fmt.Errorf("Limits.MemoryMB is %d; use 1 to 4096", l.MemoryMB)
	case l.ModuleBytes < 1 || l.RecordBytes < 1 || l.ItemBytes < 1 || l.QueriesPerItem < 1 || l.Queries < 1 ||
		l.OutputBytes < 1 || l.LogBytes < 0:
		return errors.New("a field of Limits is negative; use 0 for its default")
	case l.Timeout < 0 || l.CompileTimeout < 0 || l.CPUTime < time.Second:
		return errors.New("a time of Limits is too short; use 0 for its default")
	}
	return nil
}

// forModule lays what the module asks for under the operator's limits.
func (l Limits) forModule(m *Module) (Limits, *Error) {
	if m.Size() > l.ModuleBytes {
		return l, failf(LimitExceeded, "the module is %d bytes long; at most %d are allowed", m.Size(), l.ModuleBytes)
	}
	asked := m.Manifest.Limits
	if asked.MemoryMB > l.MemoryMB {
		return l, failf(LimitExceeded, "it asks for %d MiB of memory; at most %d are allowed (--generator-memory-mb)", asked.MemoryMB, l.MemoryMB)
	}
	if asked.MemoryMB > 0 {
		l.MemoryMB = asked.MemoryMB
	}
	if asked.QueriesPerItem > 0 {
		l.QueriesPerItem = min(l.QueriesPerItem, asked.QueriesPerItem)
	}
	return l, nil
}

// dataBytes bounds the memory of a child: what Go, the runtime and a compiled
// module need, and the guest's memory with room for the copy that growing it
// makes.
func (l Limits) dataBytes() uint64 {
	return 192<<20 + uint64(l.MemoryMB)<<20*9/4 + shadowBytes
}
