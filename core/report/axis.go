package report

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// A tick is a place on an axis and what is written there.
type tick struct {
	at    float64
	label string
}

// valueAxis returns round ticks from 0 to at least the highest value, about n
// of them; the last is the end of the axis.
func valueAxis(highest float64, n int, whole bool) []tick {
	if !(highest > 0) {
		highest = 1
	}
	step := math.Pow(10, math.Floor(math.Log10(highest/float64(n))))
	for _, f := range []float64{1, 2, 2.5, 5, 10} {
		if s := step * f; s*float64(n) >= highest {
			step = s
			break
		}
	}
	if whole {
		step = math.Max(1, math.Ceil(step))
	}
	var ticks []tick
	for i := 0; ; i++ {
		at := float64(i) * step
		ticks = append(ticks, tick{at, short(at)})
		if at >= highest {
			return ticks
		}
	}
}

// short shows a round number in little room: 0.25, 400, 12k, 3M.
func short(f float64) string {
	switch {
	case f >= 1e6:
		return strconv.FormatFloat(f/1e6, 'g', 4, 64) + "M"
	case f >= 1e4:
		return strconv.FormatFloat(f/1e3, 'g', 4, 64) + "k"
	}
	return strconv.FormatFloat(f, 'g', 4, 64)
}

const day = 24 * time.Hour

var timeSteps = []time.Duration{
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond,
	10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	day, 2 * day, 7 * day, 14 * day, 30 * day, 90 * day, 365 * day,
}

// timeAxis returns at most n+1 ticks from 0 to end, in nanoseconds.
func timeAxis(end time.Duration, n int) []tick {
	step := timeSteps[len(timeSteps)-1]
	for _, s := range timeSteps {
		if s*time.Duration(n) >= end {
			step = s
			break
		}
	}
	var ticks []tick
	for at := time.Duration(0); at <= end && len(ticks) <= n; at += step {
		ticks = append(ticks, tick{float64(at), clock(at, step)})
	}
	return ticks
}

// clock labels a time on an axis whose ticks are a step apart.
func clock(at, step time.Duration) string {
	switch {
	case at == 0:
		return "0"
	case step < time.Second:
		return strconv.FormatFloat(at.Seconds(), 'f', -1, 64) + " s"
	case step < time.Minute && at < time.Minute:
		return fmt.Sprintf("%d s", at/time.Second)
	case step < time.Minute:
		return fmt.Sprintf("%d:%02d", at/time.Minute, at%time.Minute/time.Second)
	case step < time.Hour && at < time.Hour:
		return fmt.Sprintf("%d min", at/time.Minute)
	case step < time.Hour:
		return fmt.Sprintf("%d:%02d h", at/time.Hour, at%time.Hour/time.Minute)
	case step < day:
		return fmt.Sprintf("%d h", at/time.Hour)
	}
	return fmt.Sprintf("%d d", at/day)
}

// logAxis returns ticks at 1, 2, 5, 10 and so on between two durations, thinned
// until there are at most n.
func logAxis(from, to time.Duration, n int) []tick {
	for _, factors := range [][]float64{{1, 2, 5}, {1, 3}, {1}} {
		var ticks []tick
		for power := float64(time.Microsecond); power <= float64(to); power *= 10 {
			for _, f := range factors {
				if at := power * f; at >= float64(from) && at <= float64(to) {
					ticks = append(ticks, tick{at, round(time.Duration(at))})
				}
			}
		}
		if len(ticks) <= n || len(factors) == 1 {
			return ticks
		}
	}
	return nil
}

// round labels a duration that is a round number of its unit.
func round(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d/time.Microsecond)
	case d < time.Second:
		return fmt.Sprintf("%d ms", d/time.Millisecond)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}
