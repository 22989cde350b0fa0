package limiter_test

import "testing"

// Refusals that come at any rate are no reason to go slower. A limit above them
// is found all the same.
func TestNoiseDoesNotCut(t *testing.T) {
	for _, kind := range []string{"1 s bucket", "60 s bucket", "60 s window"} {
		for seed := range uint64(2) {
			used, refused := simulate(t, kind, 10, seed, scenario{noise: 0.01}, false)
			t.Logf("%s: %.1f %% used, %.2f %% refused", kind, used, refused)
			if used < 50 || refused > 3 {
				t.Errorf("%s: %.1f %% used, %.2f %% refused", kind, used, refused)
			}
		}
	}
}
