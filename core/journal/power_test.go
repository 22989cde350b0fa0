package journal

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Power fails at a random moment of a run with random outcomes, again and
// again, until it is finished. Whatever was durable is never asked again, and
// in the end each query has one row.
func TestPowerLoss(t *testing.T) {
	for seed := range uint64(times(1000)) {
		powerLoss(t, seed)
		if t.Failed() {
			return
		}
	}
}

// times is how often a random test is repeated: n, or what make torture asks
// for.
func times(n int) int {
	if more, err := strconv.Atoi(os.Getenv("CORTEX_TORTURE_SEEDS")); err == nil {
		return more
	}
	return n
}

func powerLoss(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	d := newSimDisk()
	must(t, d.MkdirAll("/data"))
	must(t, d.SyncDir("/"))
	const queries = 25
	plan := testPlan()
	if seed%3 == 0 {
		plan.Output.Codec, plan.Output.ErrorPath, plan.Output.Header = gzipCodec{}, "/data/errors", []byte(`{"i":-1}`+"\n")
	}
	cfg := Config{Dir: "/state/runs", Reserve: -1, Sync: []SyncMode{SyncAlways, SyncNone, SyncGroup}[rng.IntN(3)]}
	durable := map[int64]bool{} // answered, and the disk has confirmed it
	id := ""
	for session := 0; ; session++ {
		cfg.Disk = d
		if session < 12 {
			d.fuse = 1 + rng.IntN(80)
		}
		done, err := powerSession(t.Context(), rng, cfg, plan, &id, session, queries, durable)
		d.fuse = -1
		if done {
			break
		}
		if !errors.Is(err, errPowerOff) {
			t.Fatalf("seed %d, session %d: %v", seed, session, err)
		}
		d = d.powerLoss(rng)
	}
	text := content(t, d, output)
	if plan.Output.Codec != nil {
		text = strings.TrimPrefix(gunzip(t, text), string(plan.Output.Header))
		if exists(d, plan.Output.ErrorPath) {
			text += content(t, d, plan.Output.ErrorPath)
		}
	}
	if rows := rowsOf(t, text); len(rows) != queries {
		t.Errorf("seed %d: %d rows, want %d", seed, len(rows), queries)
	}
}

// powerSession works on a run until the power fails or it is finished.
func powerSession(ctx context.Context, rng *rand.Rand, cfg Config, plan Plan, id *string, session, queries int, durable map[int64]bool) (done bool, err error) {
	var r *Run
	if *id != "" {
		r, err = Resume(ctx, cfg, *id, plan, all())
		if errors.Is(err, ErrComplete) {
			return true, nil
		}
		if errors.Is(err, ErrNoRun) {
			return false, fmt.Errorf("the run is gone: %w", err)
		}
	} else {
		plan.Output.Discard = true
		if r, err = Create(ctx, cfg, plan); err == nil {
			*id = r.ID()
		}
	}
	if err != nil {
		return false, err
	}
	defer r.Close("test")
	fresh := map[int64]bool{}
	for i := range int64(queries) {
		how := []string{"answered", "answered", "failed", "degraded"}[rng.IntN(4)]
		asked, err := ask(r, i, session, how)
		if asked && durable[i] {
			return false, fmt.Errorf("query %d was durable and is asked again (%w)", i, err)
		}
		if err != nil {
			return false, err
		}
		if asked && how != "failed" {
			fresh[i] = true
		}
		if asked && cfg.Sync == SyncAlways && how != "failed" {
			durable[i] = true
		}
		if rng.IntN(6) == 0 {
			if err := r.log.sync(); err != nil {
				return false, err
			}
			for i := range fresh {
				durable[i] = true
			}
		}
	}
	if _, err := r.Finish(ctx); err != nil {
		return false, err
	}
	return true, nil
}

// A sync fails: nothing more is sent, and whatever the next boot finds opens
// without a row lost that an earlier sync had confirmed.
func TestFailedSync(t *testing.T) {
	for seed := range uint64(times(300)) {
		rng := rand.New(rand.NewPCG(seed, 2))
		d := newSimDisk()
		must(t, d.MkdirAll("/data"))
		must(t, d.SyncDir("/"))
		cfg := Config{Dir: "/state/runs", Disk: d, Reserve: -1, Sync: SyncAlways}
		r, err := Create(t.Context(), cfg, testPlan())
		must(t, err)
		d.mu.Lock()
		d.failSync = 1 + rng.IntN(40)
		d.mu.Unlock()
		safe := int64(0)
		for ; safe < 25; safe++ {
			if _, err = ask(r, safe, 0, "answered"); err != nil {
				break
			}
		}
		if safe < 25 {
			if !errors.Is(err, syscall.EIO) {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if _, err := ask(r, 25, 0, "answered"); !errors.Is(err, syscall.EIO) {
				t.Fatalf("seed %d: after a failed sync: %v", seed, err)
			}
		}
		_ = r.Close("test")
		cfg.Disk = d.powerLoss(rng)
		again, err := Resume(t.Context(), cfg, r.ID(), testPlan(), all())
		must(t, err)
		if n := again.Before().Answered; n < safe {
			t.Fatalf("seed %d: %d answers are left of %d", seed, n, safe)
		}
		must(t, again.Close("test"))
	}
}

// The disk is full at each of 200 offsets: the run stops with an error that
// says so, leaves no torn row, and goes on when there is room.
func TestDiskFull(t *testing.T) {
	const queries, plenty = 30, 1 << 40
	disk := func(room int64) (*simDisk, Config) {
		d := newSimDisk()
		must(t, d.MkdirAll("/data"))
		d.room = room
		return d, Config{Dir: "/state/runs", Disk: d, Sync: SyncNone, Reserve: -1}
	}
	d, cfg := disk(plenty)
	id := ""
	must(t, fullSession(t.Context(), cfg, &id, 0, queries))
	whole, failed := plenty-d.room, 0
	for step := range int64(200) {
		d, cfg := disk(step * whole / 200)
		id := ""
		err := fullSession(t.Context(), cfg, &id, 0, queries)
		if err == nil {
			continue // it took a few bytes less this time
		}
		failed++
		if !strings.Contains(err.Error(), "no space left") {
			t.Fatalf("step %d of %d bytes: %v", step, whole, err)
		}
		d.room = -1
		if exists(d, output+".partial") {
			rowsOf(t, content(t, d, output+".partial"))
		}
		if err := fullSession(t.Context(), cfg, &id, 1, queries); !errors.Is(err, ErrComplete) {
			must(t, err)
		}
		if rows := rowsOf(t, content(t, d, output)); len(rows) != queries {
			t.Fatalf("step %d of %d bytes: %d rows", step, whole, len(rows))
		}
	}
	if failed < 190 {
		t.Errorf("the disk was full in %d of 200 runs only", failed)
	}
}

// The disk gets full while a finished run's failures are asked again: the final
// file stays whole until the better one takes its place.
func TestDiskFullWhenResumed(t *testing.T) {
	const queries, plenty = 30, 1 << 40
	finished := func() (*simDisk, Config, string) {
		d := newSimDisk()
		must(t, d.MkdirAll("/data"))
		cfg, id := Config{Dir: "/state/runs", Disk: d, Sync: SyncNone, Reserve: -1}, ""
		must(t, fullSession(t.Context(), cfg, &id, 0, queries))
		return d, cfg, id
	}
	d, cfg, id := finished()
	d.room = plenty
	must(t, fullSession(t.Context(), cfg, &id, 1, queries))
	whole := plenty - d.room
	for step := range int64(200) {
		d, cfg, id := finished()
		d.room = step * whole / 200
		err := fullSession(t.Context(), cfg, &id, 1, queries)
		if err != nil && !strings.Contains(err.Error(), "no space left") {
			t.Fatalf("step %d: %v", step, err)
		}
		if rows := rowsOf(t, content(t, d, output)); len(rows) != queries {
			t.Fatalf("step %d: the final file has %d rows", step, len(rows))
		}
		d.room = -1
		if err := fullSession(t.Context(), cfg, &id, 2, queries); !errors.Is(err, ErrComplete) {
			must(t, err)
		}
		for i, row := range rowsOf(t, content(t, d, output)) {
			if row.How != "answered" {
				t.Fatalf("step %d: query %d is still %s", step, i, row.How)
			}
		}
	}
}

func fullSession(ctx context.Context, cfg Config, id *string, session int, queries int64) (err error) {
	var r *Run
	if *id == "" {
		if r, err = Create(ctx, cfg, testPlan()); err == nil {
			*id = r.ID()
		}
	} else {
		r, err = Resume(ctx, cfg, *id, testPlan(), all())
	}
	if err != nil {
		return err
	}
	defer r.Close("disk full")
	for i := range queries {
		how := "answered"
		if i%3 == 0 && session == 0 {
			how = "failed"
		}
		if _, err := ask(r, i, session, how); err != nil {
			return err
		}
	}
	_, err = r.Finish(ctx)
	return err
}
