package report

import (
	"math"
	"math/bits"
	"time"
)

// A histogram counts durations in buckets that are at most 1/32 of their value
// wide, so a quantile is off by less than 2 %. It grows to about 1,200 buckets
// at most, whatever it counts.
type histogram struct {
	counts   []int64
	n        int64
	sum      time.Duration
	min, max time.Duration
}

const (
	subBits  = 5
	subCount = 1 << subBits
	// longest is where durations saturate: 12 days.
	longest = 1<<40 - 1
)

func (h *histogram) add(d time.Duration) {
	d = max(d, 0)
	if h.n == 0 || d < h.min {
		h.min = d
	}
	h.n++
	h.sum += d
	h.max = max(h.max, d)
	i := bucketOf(d)
	for len(h.counts) <= i {
		h.counts = append(h.counts, 0)
	}
	h.counts[i]++
}

// merge adds all that another histogram counted.
func (h *histogram) merge(o *histogram) {
	if o.n == 0 {
		return
	}
	if h.n == 0 || o.min < h.min {
		h.min = o.min
	}
	h.n, h.sum, h.max = h.n+o.n, h.sum+o.sum, max(h.max, o.max)
	for len(h.counts) < len(o.counts) {
		h.counts = append(h.counts, 0)
	}
	for i, n := range o.counts {
		h.counts[i] += n
	}
}

// bucketOf counts microseconds one by one up to 2*subCount, then subCount
// buckets to each doubling.
func bucketOf(d time.Duration) int {
	u := min(uint64(d.Microseconds()), longest)
	shift := max(bits.Len64(u)-subBits-1, 0)
	return shift*subCount + int(u>>shift)
}

// bucketRange returns the durations that bucket i holds: from, and up to but
// without to.
func bucketRange(i int) (from, to time.Duration) {
	shift := max(i/subCount-1, 0)
	u := time.Duration(i-shift*subCount) << shift
	return u * time.Microsecond, (u + 1<<shift) * time.Microsecond
}

// quantile returns the duration below which the share q of all durations lies.
func (h *histogram) quantile(q float64) time.Duration {
	rank := int64(math.Ceil(q * float64(h.n)))
	for i, n := range h.counts {
		if rank -= n; rank <= 0 && n > 0 {
			from, to := bucketRange(i)
			return min(max((from+to)/2, h.min), h.max)
		}
	}
	return h.max
}

func (h *histogram) mean() time.Duration {
	if h.n == 0 {
		return 0
	}
	return h.sum / time.Duration(h.n)
}
