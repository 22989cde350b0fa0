package report

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// count shows a whole number with its thousands apart: 1,234,567.
func count[N ~int | ~int64](n N) string {
	s := strconv.FormatInt(int64(n), 10)
	first := 0
	if n < 0 {
		first = 1
	}
	for i := len(s) - 3; i > first; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// decimal shows a measured number with about three digits: 0.012, 4.2, 1,310.
func decimal(f float64) string {
	switch a := math.Abs(f); {
	case a == 0:
		return "0"
	case a >= 100:
		return count(int64(math.Round(f)))
	case a >= 9.995:
		return strconv.FormatFloat(f, 'f', 1, 64)
	case a >= 0.995:
		return strconv.FormatFloat(f, 'f', 2, 64)
	}
	return strconv.FormatFloat(f, 'g', 2, 64)
}

// percent shows the share of part in whole. What is not nothing and not
// everything never looks like it.
func percent(part, whole int64) string {
	if whole == 0 {
		return "-"
	}
	share := 100 * float64(part) / float64(whole)
	switch {
	case part > 0 && share < 0.1:
		return "< 0.1 %"
	case part < whole && share > 99.9:
		return "> 99.9 %"
	case share == math.Trunc(share):
		return fmt.Sprintf("%.0f %%", share)
	}
	return fmt.Sprintf("%.1f %%", share)
}

// span shows a duration the way people say it: 850 µs, 12 ms, 2.41 s, 3 min 20 s.
func span(d time.Duration) string {
	switch {
	case d <= 0:
		return "0 s"
	case d < 999500*time.Nanosecond:
		return fmt.Sprintf("%.0f µs", float64(d)/1e3)
	case d < 999500*time.Microsecond:
		return strconv.FormatFloat(float64(d)/1e6, 'f', digits(float64(d)/1e6), 64) + " ms"
	case d < time.Minute:
		return strconv.FormatFloat(d.Seconds(), 'f', digits(d.Seconds()), 64) + " s"
	case d < time.Hour:
		d = d.Round(time.Second)
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	}
	d = d.Round(time.Minute)
	return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
}

// digits is how many decimals give f about three digits.
func digits(f float64) int {
	switch {
	case f >= 99.95:
		return 0
	case f >= 9.995:
		return 1
	}
	return 2
}

// full shows a number of seconds for the value of a <data> element.
func full(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) }

// plural returns "1 query" or "12 queries".
func plural[N ~int | ~int64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + many
}
