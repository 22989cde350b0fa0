package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Words that stand for a number.
const (
	off  = "off"
	auto = "auto"
)

// A Rate is how many calls may start in a second.
type Rate struct {
	// Set is false if nobody chose: then the lane's own rule applies.
	Set bool
	// Auto says that the rate is found.
	Auto bool
	// PerSecond is the rate; 0 is off.
	PerSecond float64
}

func setRate(c *Config, s string) error {
	switch s {
	case off:
		c.RequestsPerSecond = Rate{Set: true}
		return nil
	case auto:
		c.RequestsPerSecond = Rate{Set: true, Auto: true}
		return nil
	}
	amount, perMinute := strings.CutSuffix(s, "/m")
	amount = strings.TrimSuffix(amount, "/s")
	f, err := number(amount)
	if err != nil {
		return fmt.Errorf("must be a number of calls per second, or per minute as in 600/m, or auto or off, not %q", s)
	}
	if f != 0 && f < 1e-6 || f > 1e6 {
		return fmt.Errorf("must be from 0.000001 to 1000000, not %q; off is no limit", s)
	}
	if perMinute {
		f /= 60
	}
	c.RequestsPerSecond = Rate{Set: true, PerSecond: f}
	return nil
}

// Concurrency is how many calls may be under way.
type Concurrency struct {
	// Auto says that it is found, up to N if that is not 0.
	Auto bool
	// N is the number; 0 without Auto: nobody chose.
	N int
}

func setConcurrency(c *Config, s string) error {
	if s == auto {
		c.MaxConcurrent = Concurrency{Auto: true}
		return nil
	}
	set := whole(1, 100_000, func(c *Config, n int) { c.MaxConcurrent = Concurrency{N: n} })
	if set(c, s) != nil {
		return fmt.Errorf("must be auto or a whole number from 1 to 100000, not %q", s)
	}
	return nil
}

func setTokensPerMinute(c *Config, s string) error {
	switch s {
	case auto:
		c.TokensPerMinute = nil
		return nil
	case off:
		s = "0"
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return fmt.Errorf("must be a number of tokens, or auto or off, not %q", s)
	}
	c.TokensPerMinute = &n
	return nil
}

func setShare(c *Config, s string) error {
	amount, percent := strings.CutSuffix(s, "%")
	f, err := strconv.ParseFloat(amount, 64)
	if percent {
		f /= 100
	}
	if err != nil || math.IsNaN(f) || f <= 0 || f > 1 {
		return fmt.Errorf("must be a part such as 70%% or 0.7, not %q", s)
	}
	c.Share = f
	return nil
}
