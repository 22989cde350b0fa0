package executor

import (
	"math"
	"time"
)

// A histogram counts latencies in buckets that are a few percent wide, so that
// its size does not depend on how many there are.
type histogram struct {
	counts [buckets]uint32
	n      uint64
	sum    time.Duration
}

const (
	perDoubling = 16 // buckets: 4.4 % wide
	doublings   = 32 // from a microsecond to more than an hour
	buckets     = perDoubling*doublings + 1
)

func (h *histogram) add(d time.Duration) {
	i := 0
	if us := float64(d) / float64(time.Microsecond); us > 1 {
		i = min(buckets-1, int(math.Log2(us)*perDoubling)+1)
	}
	h.counts[i]++
	h.n++
	h.sum += d
}

// quantile returns the latency that the given part of all calls did not
// exceed, to within a bucket; 0 without calls.
func (h *histogram) quantile(q float64) time.Duration {
	if h.n == 0 {
		return 0
	}
	rank := uint64(math.Ceil(q * float64(h.n)))
	seen := uint64(0)
	for i, n := range h.counts {
		if seen += uint64(n); seen >= max(rank, 1) {
			// The middle of the bucket.
			return time.Duration(math.Exp2((float64(i)-0.5)/perDoubling) * float64(time.Microsecond))
		}
	}
	return 0
}
