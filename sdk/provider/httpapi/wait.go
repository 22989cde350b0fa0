package httpapi

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxWait is the longest wait that is believed. More is a mistake, not advice.
const maxWait = 366 * 24 * time.Hour

// RetryAfter returns the wait that a reply's headers ask for: retry-after-ms,
// else Retry-After as seconds (whole or fractional) or as an HTTP date, which
// is read by the vendor's own clock if the reply has a Date. now is the time of
// the reply. It returns nil for no wait and for nonsense: NaN, an infinity, 0,
// a negative or past value, more than a year.
func RetryAfter(h Header, now time.Time) *time.Duration {
	for _, name := range [...]string{"Retry-After-Ms", "X-Ms-Retry-After-Ms"} {
		if d := parseWait(get(h, name), time.Millisecond); d != nil {
			return d
		}
	}
	v := get(h, "Retry-After")
	if d := parseWait(v, time.Second); d != nil {
		return d
	}
	if at, err := http.ParseTime(v); err == nil {
		return believable(at.Sub(vendorNow(h, now)))
	}
	return nil
}

// parseWait reads a number of units.
func parseWait(s string, unit time.Duration) *time.Duration {
	f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || math.IsNaN(f) || f <= 0 || f > float64(maxWait)/float64(unit) {
		return nil
	}
	return believable(time.Duration(math.Ceil(f * float64(unit))))
}

// parseDelay reads a wait with its unit, such as Gemini's "30s".
func parseDelay(s string) *time.Duration {
	d, ok := duration(s)
	if !ok {
		return nil
	}
	return believable(d)
}

func believable(d time.Duration) *time.Duration {
	if d <= 0 || d > maxWait {
		return nil
	}
	return &d
}

// vendorNow is the time of the reply by the clock that dates are written by.
func vendorNow(h Header, now time.Time) time.Time {
	if date, err := http.ParseTime(get(h, "Date")); err == nil {
		return date
	}
	return now
}

// duration reads Go's form of durations (6m0s, 20ms, 1.5s) with days before it
// (1d2h), and bare numbers as seconds.
func duration(s string) (time.Duration, bool) {
	s = strings.TrimSpace(s)
	if len(s) > 64 {
		return 0, false
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		if !(f >= 0 && f <= maxWait.Seconds()) {
			return 0, false
		}
		return time.Duration(f * float64(time.Second)), true
	}
	var days time.Duration
	if n, rest, ok := strings.Cut(s, "d"); ok {
		f, err := strconv.ParseFloat(n, 64)
		if err != nil || !(f >= 0 && f <= maxWait.Hours()/24) {
			return 0, false
		}
		days, s = time.Duration(f*24*float64(time.Hour)), rest
		if s == "" {
			return days, true
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || d > maxWait {
		return 0, false
	}
	return days + d, true
}
