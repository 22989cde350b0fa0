package journal

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

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

func TestRecordsAreBoundedInBytes(t *testing.T) {
	d := newSimDisk()
	cfg := Config{Dir: "/state/runs", Disk: d, Reserve: -1}
	must(t, d.MkdirAll("/data"))
	var last *Run
	for n := range 6 {
		plan := testPlan()
		plan.Output.Path = fmt.Sprintf("/data/%d", n)
		if last != nil {
			info, err := Show(t.Context(), cfg, last.ID())
			must(t, err)
			cfg.Keep.Bytes = 3 * info.Bytes
		}
		r, err := Create(t.Context(), cfg, plan)
		must(t, err)
		last = r
		for i := range int64(20) {
			_, err := ask(r, i, 0, "answered")
			must(t, err)
		}
		_, err = r.Finish(t.Context())
		must(t, err)
	}
	list, err := List(t.Context(), cfg)
	must(t, err)
	sum := int64(0)
	for _, info := range list {
		sum += info.Bytes
	}
	// Runs of the same moment have no order among each other.
	kept := slices.ContainsFunc(list, func(info Info) bool { return info.ID == last.ID() })
	if len(list) != 3 && len(list) != 4 || !kept || sum > cfg.Keep.Bytes*4/3 {
		t.Errorf("%d runs of %d bytes are kept, the bound is %d", len(list), sum, cfg.Keep.Bytes)
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
	trace := func(id string) (list []TracedAttempt) {
		for a, err := range Attempts(t.Context(), r.cfg, r.ID(), id) {
			must(t, err)
			list = append(list, a)
		}
		return list
	}
	list := trace("q0")
	if len(list) != 2 {
		t.Fatalf("%+v", list)
	}
	first, second := list[0], list[1]
	if first.Kind != sdk.InvalidRequest || first.Host != "1.0" || second.Host != "1.1" || second.Session != 1 || !second.Ended ||
		second.RequestID != "req" || second.Model != "m-1" || second.ModelServed != "m-1-large" || second.Lane.Version != "2.0" ||
		second.Lane.Prices != "2026-11-01" || second.GeneratorSHA256 != "abc" || second.Started.IsZero() {
		t.Errorf("%+v", list)
	}

	// Two in flight at a kill have no outcome, and come last of their session.
	r, err = Resume(t.Context(), r.cfg, r.ID(), plan, all())
	must(t, err)
	for i := range int64(4) {
		ask, err := r.Admit(i, testQuery(i))
		must(t, err)
		if ask != (i > 1) {
			t.Fatal(i, ask)
		}
		if ask {
			must(t, start(r, i))
		}
	}
	kill(r)
	list = trace("")
	if n := len(list); n != 5 || list[3].Ended || list[4].QueryID != "q3" || list[4].Session != 2 || *list[4].Reserved != sdk.USD || list[4].ReservedTokens != 100 {
		t.Errorf("%+v", list)
	}
	for range Attempts(t.Context(), r.cfg, r.ID(), "") {
		break // the rest is not wanted
	}
	for _, err := range Attempts(t.Context(), r.cfg, "nobody", "") {
		if !errors.Is(err, ErrNoRun) {
			t.Errorf("%v", err)
		}
	}
}

// A lane may ask another server, in another version, than in the session before;
// each change is told once, and what an older journal does not tell is none.
func TestResumeTellsWhoIsAskedNow(t *testing.T) {
	d := newSimDisk()
	must(t, d.MkdirAll("/data"))
	lanes := func(version, server string, names ...string) (list []Lane) {
		for _, name := range names {
			l := Lane{Name: name, Provider: "openai", Version: version}
			if server != "" {
				l.Settings = []Field{{"base_url", server}}
			}
			list = append(list, l)
		}
		return list
	}
	plan := testPlan()
	plan.Origin.Lanes = lanes("1", "", "a")
	r, err := Create(t.Context(), Config{Dir: "/state/runs", Disk: d}, plan)
	must(t, err)
	_, err = ask(r, 0, 0, "failed")
	must(t, err)
	must(t, r.Close(""))
	for i, step := range []struct {
		lanes []Lane
		want  []string
	}{
		{lanes("1", "http://x", "a"), nil},
		{lanes("1", "http://y", "a"), []string{`base_url of a was "http://x", is now "http://y"`}},
		{lanes("2", "http://y", "a", "b"), []string{`version of a was "1", is now "2"`}},
		{lanes("2", "", "a", "b"), []string{`base_url of a was "http://y", is now not set`}},
		{lanes("2", "http://z", "c"), nil},
	} {
		plan.Origin.Lanes = step.lanes
		r, err := Resume(t.Context(), r.cfg, r.ID(), plan, all())
		must(t, err)
		notes := r.Notes()
		if len(notes) != len(step.want) || len(notes) > 0 && !strings.HasPrefix(notes[0], step.want[0]+": ") {
			t.Errorf("step %d: %q; want %q", i, notes, step.want)
		}
		_, err = ask(r, 0, i+1, "failed")
		must(t, err)
		must(t, r.Close(""))
	}
}

// Runs of one second are told apart by when they began: their ids do not.
func TestTheNewestRunIsFound(t *testing.T) {
	d := newSimDisk()
	must(t, d.MkdirAll("/data"))
	cfg, plan := Config{Dir: "/state/runs", Disk: d}, testPlan()
	plan.Output.Replace = true
	var ids []string
	for range 12 {
		r, err := Create(t.Context(), cfg, plan)
		must(t, err)
		ids = append(ids, r.ID())
		_, err = ask(r, 0, 0, "answered")
		must(t, err)
		_, err = r.Finish(t.Context())
		must(t, err)
		time.Sleep(time.Millisecond)
	}
	list, err := List(t.Context(), cfg)
	must(t, err)
	var got []string
	for _, info := range list {
		got = append(got, info.ID)
	}
	if !slices.Equal(got, ids) {
		t.Errorf("the list is %v, the runs were %v", got, ids)
	}
	if info, err := Find(t.Context(), cfg, output); err != nil || info.ID != ids[len(ids)-1] {
		t.Errorf("found %s, %v", info.ID, err)
	}
}
