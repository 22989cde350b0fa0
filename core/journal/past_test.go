package journal

import (
	"errors"
	"testing"
)

// A past tells what a resumed run would ask, and changes nothing of it.
func TestPastTellsWhatIsLeft(t *testing.T) {
	d := newSimDisk()
	cfg := Config{Dir: "/state/runs", Disk: d}
	r := create(t, d, Config{})
	for i, how := range []string{"answered", "failed", "degraded", "canceled"} {
		_, err := ask(r, int64(i), 0, how)
		must(t, err)
	}
	must(t, r.Close("interrupted"))
	for _, again := range []Again{all(), {Failed: true}, {Failed: true, Degraded: true, Pending: true}} {
		past, err := ReadPast(t.Context(), cfg, r.ID(), testPlan(), again)
		must(t, err)
		next, err := Resume(t.Context(), cfg, r.ID(), testPlan(), again)
		must(t, err)
		if a, b := past.Before(), next.Before(); a.Spent != b.Spent || a.Tokens != b.Tokens || a.Attempts != 4 || a.Spent == 0 {
			t.Errorf("before: %+v; want %+v", a, b)
		}
		for i := range int64(6) {
			got, err := past.Admit(i, testQuery(i))
			want, wantErr := next.Admit(i, testQuery(i))
			if got != want || err != nil || wantErr != nil {
				t.Errorf("%+v, query %d: %v, %v; want %v, %v", again, i, got, err, want, wantErr)
			}
		}
		_, err = past.Admit(0, testQuery(7))
		if _, other := errors.AsType[*InputError](err); !other {
			t.Errorf("another query under its number: %v", err)
		}
		must(t, next.Close("again"))
	}
	changed := testPlan()
	changed.Fixed[0].Value = "m-2"
	_, err := ReadPast(t.Context(), cfg, r.ID(), changed, all())
	if _, other := errors.AsType[*ChangedError](err); !other {
		t.Errorf("a plan that Resume refuses: %v", err)
	}
	if _, err := ReadPast(t.Context(), cfg, "none", testPlan(), all()); !errors.Is(err, ErrNoRun) {
		t.Errorf("no run: %v", err)
	}
}
