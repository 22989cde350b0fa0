package retry

import (
	"math/rand/v2"
	"time"
)

const (
	base = 500 * time.Millisecond
	// MaxBackoff is the longest ordinary wait between two attempts.
	MaxBackoff = 60 * time.Second
)

// Ceiling returns the longest wait before retry n (from 1): it doubles from
// half a second up to [MaxBackoff].
func Ceiling(n int) time.Duration {
	const doublings = 7 // base << 7 is beyond the maximum; a larger shift could overflow
	if n <= 0 {
		return 0
	}
	return min(base<<min(n-1, doublings), MaxBackoff)
}

// FullJitter returns a random wait between 0 and [Ceiling]: clients that failed
// together do not come back together.
func FullJitter(n int) time.Duration {
	return time.Duration(rand.Int64N(int64(Ceiling(n)) + 1))
}
