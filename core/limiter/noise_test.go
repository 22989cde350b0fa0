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

// Nor is a limit taken for noise: where a minute's allowance is used up, probe
// after probe is refused.
func TestLimitIsNoNoise(t *testing.T) {
	for _, c := range []struct {
		rate, most float64
		after      bool
	}{{3, 2.6, false}, {5, 1.7, false}, {3, 0.9, true}} {
		for seed := range uint64(6) {
			used, refused := simulate(t, "60 s window", c.rate, seed, scenario{after: c.after}, false)
			t.Logf("%v a second, Retry-After %v: %.1f %% used, %.2f %% refused", c.rate, c.after, used, refused)
			if used < 95 || refused > c.most {
				t.Errorf("%v a second, Retry-After %v: %.1f %% used, %.2f %% refused", c.rate, c.after, used, refused)
			}
		}
	}
}
