package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/core/journal"
	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

// fromEnv is how much of something a test does: what a make target asks for, or
// what fits into the suite.
func fromEnv(name string, suite int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return suite
}

// tortureInFlight is how many calls are under way when something is killed.
const tortureInFlight = 64

// TestTorture kills host, plugins and guests at random moments and goes on
// until each run is finished. A vendor that counts agrees with the journal: no
// query is lost, none has a second row, and a query was sent again only if the
// journal lists it as cut off, or the failed call.
//
// CORTEX_TORTURE_ROUNDS is the number of kills, CORTEX_TORTURE_QUERIES that of
// the queries of a run.
func TestTorture(t *testing.T) {
	needsProc(t)
	for _, name := range []string{"batch", "run"} {
		t.Run(name, func(t *testing.T) {
			rounds := (fromEnv("CORTEX_TORTURE_ROUNDS", 8) + 1) / 2
			queries := fromEnv("CORTEX_TORTURE_QUERIES", 1000)
			rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
			kills, runs, again := map[string]int{}, 0, 0
			for total := 0; total < rounds; runs++ {
				v := newVictim(t, name, queries, rng)
				v.torture(rounds - total)
				total += v.kills["host"] + v.kills["child"]
				kills["host"], kills["child"] = kills["host"]+v.kills["host"], kills["child"]+v.kills["child"]
				again += v.check()
				if t.Failed() {
					return
				}
			}
			t.Logf("%d runs of %d queries, %v kills, %d calls made again", runs, queries, kills, again)
		})
	}
}

// A victim is one run that is killed again and again.
type victim struct {
	t       *testing.T
	rng     *rand.Rand
	home    string
	args    []string
	queries int
	vendor  *upstream.Server
	arrived atomic.Int64 // requests at the vendor
	journal journal.Config
	out     string
	pace    time.Duration // a session lives about so long

	kills    map[string]int
	listed   map[string]int // how often a query was listed as cut off
	attempts map[string]int // of each query, when it was last listed
}

func newVictim(t *testing.T, command string, queries int, rng *rand.Rand) *victim {
	home := t.TempDir()
	v := &victim{t: t, rng: rng, home: home, queries: queries,
		journal: journal.Config{Dir: filepath.Join(home, ".local/state", appName, "runs")},
		out:     filepath.Join(home, "out.ndjson"), kills: map[string]int{}, listed: map[string]int{}, attempts: map[string]int{},
		pace: time.Duration(queries) * 100 * time.Microsecond}
	v.vendor = startVendor(t, upstream.Config{Latency: 4 * time.Millisecond, Script: func(upstream.Request) upstream.Reply {
		v.arrived.Add(1)
		return upstream.Reply{}
	}})
	var b bytes.Buffer
	for i := range queries {
		if command == "batch" {
			fmt.Fprintln(&b, queryLine(fmt.Sprint("q", i)))
		} else {
			fmt.Fprintf(&b, `{"id":"%d","message":"service %d failed"}`+"\n", i, i)
		}
	}
	in := filepath.Join(home, "in.ndjson")
	if err := os.WriteFile(in, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	v.args = []string{"batch", in}
	if command == "run" {
		v.args = []string{"run", "error", "--input", in}
	}
	v.args = append(v.args, "-o", v.out, "-j", strconv.Itoa(tortureInFlight), "--requests-per-second", "off", "--progress", "none",
		"--provider", "openai", "--base-url", v.vendor.URL()+"/v1")
	return v
}

// torture kills so many times, and lets the run end.
func (v *victim) torture(kills int) {
	for session := 0; ; session++ {
		if session > 20+10*kills {
			v.t.Fatalf("not finished after %d sessions", session)
		}
		children, left := v.kills["child"], kills
		code, errs := v.session(&kills)
		v.list(left - kills)
		switch {
		case code == exitOK:
			return
		case code == -1: // killed: go on
		case v.kills["child"] > children && code != exitUsage: // a plugin may be killed before it has begun
		case code != exitFailed:
			v.t.Fatalf("exit %d\n%s", code, errs)
		}
	}
}

// session runs the command until it ends or is killed; -1 is killed.
func (v *victim) session(kills *int) (code int, stderr string) {
	args := v.args
	if _, err := journal.Find(v.t.Context(), v.journal, v.out); err == nil {
		args = append(args[:len(args):len(args)], "--resume")
	}
	cmd := exec.Command(filepath.Join(layout, "cortex-host"), args...)
	cmd.Dir, cmd.Env = v.home, append(cleanEnv(v.home), "OPENAI_API_KEY=sk-1")
	errs := new(lockedBuffer)
	cmd.Stderr = errs
	if err := cmd.Start(); err != nil {
		v.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	late := time.NewTimer(time.Minute)
	defer late.Stop()
	over := make(chan struct{})
	defer close(over)
	for {
		next := (<-chan struct{})(nil)
		if *kills > 0 {
			next = v.moment(over)
		}
		select {
		case <-ended:
			return cmd.ProcessState.ExitCode(), errs.String()
		case <-late.C:
			cmd.Process.Kill()
			v.t.Errorf("a session did not end\n%s", errs)
		case <-next:
			*kills--
			v.kill(cmd.Process)
		}
	}
}

// moment comes at a random time: mostly while calls are under way, sometimes
// while the program starts. It is not waited for any more when the session is
// over.
func (v *victim) moment(over <-chan struct{}) <-chan struct{} {
	wait := time.Duration(v.rng.Int64N(int64(v.pace)))
	asking, began, seen := v.rng.IntN(4) > 0, time.Now(), v.arrived.Load()
	come := make(chan struct{})
	pass := func(d time.Duration) (goOn bool) {
		select {
		case <-time.After(d):
			return true
		case <-over:
			return false
		}
	}
	go func() {
		defer close(come)
		for asking && v.arrived.Load() < seen+tortureInFlight && time.Since(began) < 10*time.Second && pass(time.Millisecond) {
		}
		pass(wait)
	}()
	return come
}

// kill kills the host or one of its descendants.
func (v *victim) kill(host *os.Process) {
	if children := descendants(v.t, host.Pid); len(children) > 0 && v.rng.IntN(2) == 0 {
		if syscall.Kill(children[v.rng.IntN(len(children))], syscall.SIGKILL) == nil {
			v.kills["child"]++
		}
		return
	}
	if err := host.Kill(); err == nil {
		v.kills["host"]++
	}
}

// list notes which queries the journal says were cut off by the last session. Each
// of its kills may have cut off what was in flight: calls that a plugin took with
// it wait to be sent once more when the host is killed too.
func (v *victim) list(kills int) {
	found, err := journal.Find(v.t.Context(), v.journal, v.out)
	if errors.Is(err, journal.ErrNoRun) {
		return
	}
	if err != nil {
		v.t.Fatal(err)
	}
	info, err := journal.Show(v.t.Context(), v.journal, found.ID)
	if err != nil {
		v.t.Fatal(err)
	}
	fresh := 0
	for _, o := range info.Open {
		if o.CutOff && o.Attempts > v.attempts[o.ID] {
			fresh++
			v.listed[o.ID]++
			v.attempts[o.ID] = o.Attempts
		}
	}
	if fresh > tortureInFlight*kills {
		v.t.Errorf("%d queries are listed as cut off by a session of %d kills, with %d in flight", fresh, kills, tortureInFlight)
	}
}

// check compares the final file, the journal and what the vendor saw. It
// returns how many calls were made again.
func (v *victim) check() (again int) {
	v.t.Helper()
	texts := v.rows()
	if len(texts) != v.queries {
		v.t.Errorf("%d rows of %d queries", len(texts), v.queries)
	}
	found, err := journal.Find(v.t.Context(), v.journal, v.out)
	if err != nil {
		v.t.Fatal(err)
	}
	calls, failed := map[string]int{}, map[string]int{}
	for a, err := range journal.Attempts(v.t.Context(), v.journal, found.ID, "") {
		if err != nil {
			v.t.Fatal(err)
		}
		calls[a.QueryID]++
		if a.Ended && a.Kind != "" {
			failed[a.QueryID]++
		}
	}
	sent := v.vendor.Stats().PerQuery
	for id, text := range texts {
		n := sent[text]
		if n < 1 || n > calls[id] {
			v.t.Errorf("%s was sent %d times; the journal knows of %d calls", id, n, calls[id])
		}
		again += max(0, n-1)
		if n-1 > v.listed[id]+failed[id] {
			v.t.Errorf("%s was sent %d times; it was listed as cut off %d times and %d calls failed", id, n, v.listed[id], failed[id])
		}
	}
	return again
}

// rows reads the final file: the question of each query, by id.
func (v *victim) rows() map[string]string {
	f, err := os.Open(v.out)
	if err != nil {
		v.t.Fatal(err)
	}
	defer f.Close()
	texts := map[string]string{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r sdk.Result
		if err := r.UnmarshalJSON(lines.Bytes()); err != nil || !r.Success() {
			v.t.Fatalf("row %s: %v", lines.Bytes(), err)
		}
		if _, twice := texts[r.QueryID]; twice {
			v.t.Errorf("%s has two rows", r.QueryID)
		}
		texts[r.QueryID] = strings.TrimPrefix(r.Response.Content, "You asked: ")
	}
	if err := lines.Err(); err != nil {
		v.t.Fatal(err)
	}
	return texts
}
