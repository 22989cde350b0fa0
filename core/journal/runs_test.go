package journal

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cortexlinux/cortex-host/sdk"
)

func TestOldRunsAreRemoved(t *testing.T) {
	d := newSimDisk()
	cfg := Config{Dir: "/state/runs", Disk: d, Keep: Keep{Runs: 3}}
	must(t, d.MkdirAll("/data"))
	var ids []string
	for n, how := range []string{"answered", "", "failed", "answered", "answered", "answered"} {
		plan := testPlan()
		plan.Output.Path = fmt.Sprintf("/data/%d", n)
		r, err := Create(t.Context(), cfg, plan)
		must(t, err)
		ids = append(ids, r.ID())
		if how == "" {
			must(t, r.Close("interrupted"))
			continue
		}
		_, err = ask(r, 0, 0, how)
		must(t, err)
		_, err = r.Finish(t.Context())
		must(t, err)
	}
	list, err := List(t.Context(), cfg)
	must(t, err)
	var kept []string
	for _, info := range list {
		kept = append(kept, info.Plan.Output.Path+" "+string(info.State))
	}
	if got := strings.Join(kept, ", "); len(list) != 3 || !strings.Contains(got, "/data/1 interrupted") || !strings.Contains(got, "/data/2 finished") || !strings.Contains(got, "/data/5 finished") {
		t.Errorf("kept %s of %v", got, ids)
	}
	must(t, Remove(cfg, list[0].ID))
	if err := Remove(cfg, list[0].ID); !errors.Is(err, ErrNoRun) {
		t.Errorf("removed twice: %v", err)
	}
	if err := Remove(cfg, "../runs"); !errors.Is(err, ErrNoRun) {
		t.Errorf("a path instead of an id: %v", err)
	}
}

func TestTraceTellsWhereARowComesFrom(t *testing.T) {
	d := newSimDisk()
	must(t, d.MkdirAll("/data"))
	plan := testPlan()
	plan.Origin = Origin{Host: "1.0", SHA256: "abc", Lanes: []Lane{{Name: "lane", Provider: "openai", Version: "2.0", Prices: "2026-11-01"}}}
	r, err := Create(t.Context(), Config{Dir: "/state/runs", Disk: d}, plan)
	must(t, err)
	_, err = ask(r, 0, 0, "failed")
	must(t, err)
	_, err = ask(r, 1, 0, "answered")
	must(t, err)
	must(t, r.Close(""))
	plan.Origin.Host = "1.1"
	r, err = Resume(t.Context(), r.cfg, r.ID(), plan, all())
	must(t, err)
	_, err = ask(r, 0, 1, "answered")
	must(t, err)
	must(t, r.Close(""))
	trace, err := TraceQuery(t.Context(), r.cfg, r.ID(), "q0")
	must(t, err)
	if len(trace.Attempts) != 2 || trace.Settled != "answered" {
		t.Fatalf("%+v", trace)
	}
	first, second := trace.Attempts[0], trace.Attempts[1]
	if first.Kind != sdk.InvalidRequest || first.Origin.Host != "1.0" || second.Origin.Host != "1.1" || second.Session != 1 ||
		second.RequestID != "req" || second.Model != "m-1" || second.ModelServed != "m-1-large" || second.Origin.Lanes[0].Version != "2.0" || second.Started.IsZero() {
		t.Errorf("%+v", trace)
	}
}
