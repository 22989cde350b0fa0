package limiter

import "time"

// span is how far back a history looks.
const span = 60 // seconds

// A history counts what was delivered, second by second. The zero value is
// empty.
type history struct {
	counts [span]float64
	began  time.Time // of the first count since the history was empty
	second int64     // the latest second in counts
}

// advance empties the seconds that have passed since the last call.
func (h *history) advance(now time.Time) {
	second := now.Unix()
	for s := max(h.second+1, second-span+1); s <= second; s++ {
		h.counts[s%span] = 0
	}
	h.second = max(h.second, second)
}

func (h *history) add(now time.Time, n float64) {
	if h.began.IsZero() {
		h.began = now
	}
	h.advance(now)
	h.counts[now.Unix()%span] += n
}

// rate returns what was delivered per second over the last so many seconds, or
// since the beginning if that is less.
func (h *history) rate(now time.Time, seconds int) float64 {
	if h.began.IsZero() {
		return 0
	}
	h.advance(now)
	sum := 0.0
	for s := now.Unix() - int64(seconds) + 1; s <= now.Unix(); s++ {
		if s > now.Unix()-span {
			sum += h.counts[((s%span)+span)%span]
		}
	}
	// The present second is not over yet.
	elapsed := float64(seconds-1) + float64(now.Nanosecond())/1e9
	return sum / max(1, min(elapsed, now.Sub(h.began).Seconds()))
}

// full reports whether the history goes back all the way.
func (h *history) full(now time.Time) bool {
	return !h.began.IsZero() && now.Sub(h.began) >= span*time.Second
}
