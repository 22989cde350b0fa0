package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/cortexlinux/cortex-host/core/executor"
)

// controls change a run while it is under way: by keys on a terminal, or through
// the control socket.
type controls struct {
	exec *executor.Executor
}

// controlHelp lists the orders of the control socket.
const controlHelp = "status, pause, resume, max-concurrent N, requests-per-second N|off"

// order carries out one order of the control socket.
func (c controls) order(line string) error {
	verb, value, _ := strings.Cut(strings.TrimSpace(line), " ")
	value = strings.TrimSpace(value)
	switch verb {
	case "status":
	case "pause":
		c.exec.Pause()
	case "resume":
		c.exec.Resume()
	case "max-concurrent":
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > 100_000 {
			return fmt.Errorf("max-concurrent must be a whole number from 1 to 100000, not %q", value)
		}
		return c.exec.SetMaxConcurrent(n)
	case "requests-per-second":
		rate, err := strconv.ParseFloat(value, 64)
		if value == "off" {
			rate, err = 0, nil
		}
		if err != nil || math.IsNaN(rate) || rate < 0 || rate > 1e6 {
			return fmt.Errorf("requests-per-second must be a number of at least 0, or off, not %q", value)
		}
		return c.exec.SetRequestsPerSecond("", rate)
	default:
		return fmt.Errorf("there is no order %q; there are %s", verb, controlHelp)
	}
	return nil
}

// key carries out what a key stands for, and says what that was; an unknown key
// is nothing.
func (c controls) key(b byte) string {
	stats := c.exec.Stats()
	switch b {
	case 'p', ' ':
		if stats.Paused {
			c.exec.Resume()
			return "going on"
		}
		c.exec.Pause()
		return "paused: calls under way end, nothing more is sent; p goes on"
	case '+', '-':
		n := stepped(stats.MaxConcurrent, b == '+')
		if c.exec.SetMaxConcurrent(n) != nil {
			return ""
		}
		return fmt.Sprintf("max concurrent: %d", n)
	case ']', '[':
		return c.turnRate(stats, b == ']')
	case '?', 'h':
		return "keys: p pauses and goes on, + and - change the calls at once, ] and [ the calls per second, Ctrl-C ends"
	}
	return ""
}

// stepped is the next number of calls at once: a tenth more or less, at least
// one.
func stepped(n int, up bool) int {
	step := max(1, n/10)
	if up {
		return min(n+step, 100_000)
	}
	return max(n-step, 1)
}

// turnRate makes every lane a quarter faster, or a fifth slower. A lane without
// a limit has none to change.
func (c controls) turnRate(stats executor.Stats, up bool) string {
	factor := 0.8
	if up {
		factor = 1.25
	}
	said := ""
	for _, l := range stats.Lanes {
		if l.Rate <= 0 {
			continue
		}
		rate := math.Min(l.Rate*factor, 1e6)
		if c.exec.SetRequestsPerSecond(l.Name, rate) == nil {
			said = fmt.Sprintf("requests per second: %.3g", rate)
		}
	}
	if said == "" {
		return "there is no limit of requests per second; --requests-per-second sets one"
	}
	return said
}
