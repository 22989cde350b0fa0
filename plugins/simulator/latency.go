package main

import (
	"math"
	"math/rand/v2"
	"time"
)

// latency is a distribution of durations.
type latency struct {
	middle       time.Duration
	distribution string
	spread       float64
}

func newLatency(middle, distribution string, spread *float64) (latency, error) {
	d, err := parseDuration("latency", middle)
	if err != nil {
		return latency{}, err
	}
	l := latency{middle: d, distribution: distribution, spread: 0.5}
	if spread != nil {
		l.spread = *spread
	}
	switch distribution {
	case "", "fixed", "exponential":
	case "uniform":
		if !(l.spread >= 0 && l.spread <= 1) {
			return l, invalid("latency_spread: %v is not from 0 to 1, as uniform wants it", l.spread)
		}
	case "lognormal":
		if !(l.spread >= 0 && l.spread <= 5) {
			return l, invalid("latency_spread: %v is not from 0 to 5, as lognormal wants it", l.spread)
		}
	default:
		return l, invalid("latency_distribution: %q is unknown; set it to fixed, uniform, exponential or lognormal", distribution)
	}
	return l, nil
}

// draw returns one latency.
func (l latency) draw(r *rand.Rand) time.Duration {
	factor := 1.0
	switch l.distribution {
	case "uniform":
		factor = 1 + l.spread*(2*r.Float64()-1)
	case "exponential":
		factor = r.ExpFloat64()
	case "lognormal":
		factor = math.Exp(l.spread * r.NormFloat64())
	}
	return time.Duration(min(factor*float64(l.middle), float64(maxLatency)))
}
