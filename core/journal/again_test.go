package journal

import (
	"errors"
	"testing"
)

// A run of the first queries of its input goes on with the others, once it may.
func TestALimitThatIsRaised(t *testing.T) {
	d := newSimDisk()
	must(t, d.MkdirAll("/data"))
	cfg, plan := Config{Dir: "/state/runs", Disk: d}, testPlan()
	plan.Limit = 2
	r, err := Create(t.Context(), cfg, plan)
	must(t, err)
	session := 0
	more := func(n int64, asks int) {
		t.Helper()
		for i := range n {
			asked, err := ask(r, i, session, "answered")
			must(t, err)
			if asked {
				asks--
			}
		}
		if asks != 0 {
			t.Errorf("session %d asked %d more or fewer than it should", session, asks)
		}
		_, err := r.Finish(t.Context())
		must(t, err)
		session++
	}
	more(2, 2)
	for _, limit := range []int64{1, 2} {
		plan.Limit = limit
		if _, err := Resume(t.Context(), cfg, r.ID(), plan, all()); !errors.Is(err, ErrComplete) {
			t.Errorf("resumed with a limit of %d: %v", limit, err)
		}
	}
	plan.Limit = 3
	r, err = Resume(t.Context(), cfg, r.ID(), plan, all())
	must(t, err)
	more(3, 1)
	plan.Limit = 0
	r, err = Resume(t.Context(), cfg, r.ID(), plan, all())
	must(t, err)
	more(5, 2)
	if _, err := Resume(t.Context(), cfg, r.ID(), plan, all()); !errors.Is(err, ErrComplete) {
		t.Errorf("resumed after the last query: %v", err)
	}
	if rows := rowsOf(t, content(t, d, output)); len(rows) != 5 || rows[2].Session != 1 {
		t.Errorf("rows: %v", rows)
	}
}

// A final file that somebody else has made meanwhile is found before anything
// more is asked.
func TestAFinalFileThatAppeared(t *testing.T) {
	d := newSimDisk()
	r := interrupted(t, d, 2)
	f, err := d.Open(output, OpenNew)
	must(t, err)
	f.Close()
	if _, err := Resume(t.Context(), r.cfg, r.ID(), testPlan(), all()); !errors.As(err, new(*ExistsError)) {
		t.Errorf("resumed: %v", err)
	}
	plan := testPlan()
	plan.Output.Replace = true
	again, err := Resume(t.Context(), r.cfg, r.ID(), plan, all())
	must(t, err)
	must(t, again.Close(""))
}
