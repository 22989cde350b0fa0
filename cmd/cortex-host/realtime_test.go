package main

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

// realTime reports whether timings are to be met exactly (make realtime). The
// machine has to be quiet then.
func realTime() bool { return os.Getenv("CORTEX_REALTIME") != "" }

// The whole command against a hard bucket of 50 a second, at exactly that rate:
// nothing is refused, and hardly any of the rate is lost.
func TestConfiguredRateInRealTime(t *testing.T) {
	const rate = 50
	n, most := 100, 1.03*slack
	if realTime() {
		n, most = 300, 1.03
	}
	s := startVendor(t, upstream.Config{Limit: upstream.Limit{PerSecond: rate, Burst: 5}})
	out, errs, _, code := timed(t, hostCommand(t, s, "batch", queryFile(t, n), "--requests-per-second", strconv.Itoa(rate), "-j", "64"))
	if code != 0 || strings.Count(out, "\n") != n {
		t.Fatalf("exit %d\n%s", code, errs)
	}
	requests := s.Requests()
	took := requests[n-1].At.Sub(requests[0].At).Seconds() * rate / float64(n-1)
	t.Logf("%.3f x ideal", took)
	if refused := s.Stats().Refused; refused > 0 || len(requests) != n || took > most {
		t.Errorf("%d of %d requests refused, %.3f x ideal", refused, len(requests), took)
	}
}

// After the first minute, at least 90 % of a limit that nobody tells, and 85 %
// without Retry-After.
func TestAdaptiveRateInRealTime(t *testing.T) {
	if !realTime() {
		t.Skip("takes two minutes: make realtime")
	}
	const rate = 50.0
	for name, c := range map[string]struct {
		after bool
		least float64
	}{"Retry-After": {true, 0.9}, "blind": {false, 0.85}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startVendor(t, upstream.Config{Limit: upstream.Limit{PerSecond: rate, Burst: 5, RetryAfter: c.after}})
			_, errs, _, code := timed(t, hostCommand(t, s, "batch", queryFile(t, 6000), "--requests-per-second", "auto", "-j", "64"))
			if code != 0 {
				t.Fatalf("exit %d\n%s", code, errs)
			}
			requests := s.Requests()
			minute := requests[0].At.Add(time.Minute)
			granted, last := 0, minute
			for _, r := range requests {
				if r.Status == 200 && r.At.After(minute) {
					granted, last = granted+1, r.At
				}
			}
			used := float64(granted) / rate / last.Sub(minute).Seconds()
			t.Logf("%.1f %% used after the first minute, %d refused, %v", 100*used, s.Stats().Refused, last.Sub(requests[0].At))
			if used < c.least {
				t.Errorf("%.1f %% used", 100*used)
			}
		})
	}
}
