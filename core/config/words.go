package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// oneOf reads one of a few words.
func oneOf(field func(*Config) *string, words ...string) func(*Config, string) error {
	return func(c *Config, s string) error {
		if !slices.Contains(words, s) {
			return fmt.Errorf("must be %s or %s, not %q", strings.Join(words[:len(words)-1], ", "), words[len(words)-1], s)
		}
		*field(c) = s
		return nil
	}
}

// yesNo reads true or false.
func yesNo(field func(*Config) *bool) func(*Config, string) error {
	return func(c *Config, s string) error {
		if s != "true" && s != "false" {
			return fmt.Errorf("must be true or false, not %q", s)
		}
		*field(c) = s == "true"
		return nil
	}
}

// FailOn says how many failed queries make a finished run a failed one.
type FailOn struct {
	// None and All: no number does, only all of them do. If neither is set and
	// Most is 0, any does.
	None, All bool
	// Most is the part of failures that is still fine.
	Most float64
}

// Exceeded reports whether so many failures of a run's queries are too many.
func (f FailOn) Exceeded(failures, queries int) bool {
	switch {
	case failures == 0 || f.None:
		return false
	case f.All:
		return failures == queries
	}
	return float64(failures) > f.Most*float64(queries)
}

func setFailOn(c *Config, s string) error {
	switch s {
	case "none":
		c.FailOn = FailOn{None: true}
		return nil
	case "any":
		c.FailOn = FailOn{}
		return nil
	case "all":
		c.FailOn = FailOn{All: true}
		return nil
	}
	number, ok := strings.CutSuffix(s, "%")
	percent, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || !(percent >= 0 && percent <= 100) {
		return fmt.Errorf("must be none, any, all or a percentage from 0%% to 100%%, not %q", s)
	}
	c.FailOn = FailOn{Most: percent / 100}
	return nil
}
