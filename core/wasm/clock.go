package wasm

import (
	"encoding/binary"
	"io"
	"math"
	"math/rand/v2"
)

const (
	// clockStart is when every guest's clock begins: 2022-01-01T00:00:00Z.
	clockStart = 1640995200 * int64(1e9)
	// clockStep is how far it moves at each look, in nanoseconds.
	clockStep = 1e6
)

// virtualClock is a guest's clock. It moves when it is looked at and when the
// guest sleeps, which therefore takes no time. It is not safe for concurrent
// use: a guest has one thread.
type virtualClock struct {
	elapsed int64
}

func (c *virtualClock) nanotime() int64 {
	c.elapsed = addClamped(c.elapsed, clockStep)
	return c.elapsed
}

func (c *virtualClock) walltime() (sec int64, nsec int32) {
	t := addClamped(clockStart, c.nanotime())
	return t / 1e9, int32(t % 1e9)
}

func (c *virtualClock) sleep(ns int64) {
	if ns < 0 { // longer than the type can say
		ns = math.MaxInt64
	}
	c.elapsed = addClamped(c.elapsed, ns)
}

func addClamped(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// randomness returns the endless random bytes that belong to a seed.
func randomness(seed int64) io.Reader {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], uint64(seed))
	return rand.NewChaCha8(key)
}
