package limiter_test

import "testing"

// A bucket of a tenth of a second forgives nothing: in the second minute the
// rate has to be near the limit all the same.
func TestTightBucket(t *testing.T) {
	for _, s := range []scenario{
		{name: "Retry-After", after: true, from: 60, until: 120, least: 90, mostRefused: 3},
		{name: "blind", from: 60, until: 120, least: 85, mostRefused: 3},
		{name: "headers", headers: true, after: true, from: 60, until: 120, least: 95, mostRefused: 0.5},
		{name: "headers, fast", headers: true, after: true, fast: true, from: 60, until: 120, least: 95, mostRefused: 0.5},
		{name: "headers, from the start", headers: true, after: true, until: 30, least: 80, mostRefused: 3},
		{name: "headers, fast, from the start", headers: true, after: true, fast: true, until: 30, least: 80, mostRefused: 3},
		{name: "Retry-After, fast", after: true, fast: true, from: 60, until: 120, least: 90, mostRefused: 3},
		{name: "blind, fast", fast: true, from: 60, until: 120, least: 85, mostRefused: 3},
	} {
		for seed := range uint64(4) {
			used, refused := simulate(t, "0.1 s bucket", 50, seed, s, false)
			t.Logf("%s: %.1f %% used, %.2f %% refused", s.name, used, refused)
			if used < s.least || refused > s.mostRefused {
				t.Errorf("%s: %.1f %% used, %.2f %% refused", s.name, used, refused)
			}
		}
	}
}
