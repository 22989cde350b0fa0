package config

import (
	"fmt"
	"strings"
)

// A Rate is how many calls may start in a second.
type Rate struct {
	// Set is false if nobody chose: then the lane's own rule applies.
	Set bool
	// PerSecond is the rate; 0 is off.
	PerSecond float64
}

func setRate(c *Config, s string) error {
	if s == "off" {
		c.RequestsPerSecond = Rate{Set: true}
		return nil
	}
	amount, perMinute := strings.CutSuffix(s, "/m")
	amount = strings.TrimSuffix(amount, "/s")
	f, err := number(amount)
	if err != nil || (f != 0 && f < 1e-6) || f > 1e6 {
		return fmt.Errorf("must be a number of calls per second, or per minute as in 600/m, or off, not %q", s)
	}
	if perMinute {
		f /= 60
	}
	c.RequestsPerSecond = Rate{Set: true, PerSecond: f}
	return nil
}
