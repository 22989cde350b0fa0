package limiter

import "time"

// span is how far back a history looks.
const span = 60 // seconds

// A history counts what was delivered, second by second. Seconds count from
// its beginning, so that setting the clock does not matter. The zero value is
// empty.
type history struct {
	counts [span]float64
	began  time.Time // of the first count since the history was empty
	second int64     // the latest second in counts
}

// advance empties the seconds that have passed since the last call and returns
// the present one.
func (h *history) advance(now time.Time) int64 {
	second := max(h.second, int64(now.Sub(h.began)/time.Second))
	for s := max(h.second+1, second-span+1); s <= second; s++ {
		h.counts[s%span] = 0
	}
	h.second = second
	return second
}

func (h *history) add(now time.Time, n float64) {
	if h.began.IsZero() {
		h.began = now
	}
	h.counts[h.advance(now)%span] += n
}

// rate returns what was delivered per second over the last so many seconds, or
// since the beginning if that is less.
func (h *history) rate(now time.Time, seconds int) float64 {
	if h.began.IsZero() {
		return 0
	}
	present := h.advance(now)
	sum := 0.0
	for s := max(0, present-min(span, int64(seconds))+1); s <= present; s++ {
		sum += h.counts[s%span]
	}
	// The present second is not over yet.
	began := now.Sub(h.began)
	elapsed := float64(seconds-1) + (began - time.Duration(present)*time.Second).Seconds()
	return sum / max(1, min(elapsed, began.Seconds()))
}

// full reports whether the history goes back all the way.
func (h *history) full(now time.Time) bool {
	return !h.began.IsZero() && now.Sub(h.began) >= span*time.Second
}
