package journal

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	killQueries  = 4000
	killInFlight = 32
)

// The process is killed at random moments. A server that counts agrees with
// the journal: a query was sent again only if the journal has listed it as in
// flight, never more than were in flight, and each query has one row.
func TestKill(t *testing.T) {
	rounds := 12
	if n, err := strconv.Atoi(os.Getenv("CORTEX_TORTURE_ROUNDS")); err == nil {
		rounds = n
	}
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	dir := t.TempDir()
	runs := 1
	for round := 0; ; round++ {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "JOURNAL_TEST_CHILD="+dir)
		var stderr strings.Builder
		child.Stderr = &stderr
		must(t, child.Start())
		done := make(chan error, 1)
		go func() { done <- child.Wait() }()
		var err error
		if round < rounds {
			select {
			case err = <-done:
			case <-time.After(time.Duration(rng.IntN(250)) * time.Millisecond):
				if err := child.Process.Kill(); !errors.Is(err, os.ErrProcessDone) {
					must(t, err)
				}
				err = <-done
			}
		} else {
			err = <-done
		}
		if exit := new(exec.ExitError); errors.As(err, &exit) && exit.Exited() {
			t.Fatalf("round %d: %v\n%s", round, err, stderr.String())
		}
		if err != nil {
			continue // killed
		}
		checkKilledRun(t, dir)
		if round >= rounds {
			break
		}
		dir = t.TempDir()
		runs++
	}
	t.Logf("%d rounds, %d runs", rounds, runs)
}

func checkKilledRun(t *testing.T, dir string) {
	t.Helper()
	rows := rowsOf(t, content(t, OSDisk{}, filepath.Join(dir, "out.ndjson")))
	if len(rows) != killQueries {
		t.Errorf("%d rows, want %d", len(rows), killQueries)
	}
	sent, listed := tally(t, filepath.Join(dir, "sent")), tally(t, filepath.Join(dir, "listed"))
	again := 0
	for id, n := range sent {
		if again += n - 1; n-1 > listed[id] {
			t.Errorf("%s was sent %d times, listed as in flight %d times", id, n, listed[id])
		}
	}
	t.Logf("%d sent again", again)
}

func tally(t *testing.T, path string) map[string]int {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, id := range strings.Fields(string(data)) {
		counts[id]++
	}
	return counts
}

// helperMain is the process that TestKill kills.
func helperMain() bool {
	dir := os.Getenv("JOURNAL_TEST_CHILD")
	if dir == "" {
		return false
	}
	if err := killedSession(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

func killedSession(dir string) error {
	ctx, cfg := context.Background(), Config{Dir: filepath.Join(dir, "runs")}
	plan := Plan{Output: Output{Path: filepath.Join(dir, "out.ndjson"), Discard: true}}
	sent, err := os.OpenFile(filepath.Join(dir, "sent"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	listed, err := os.OpenFile(filepath.Join(dir, "listed"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	var r *Run
	if info, findErr := Find(ctx, cfg, plan.Output.Path); findErr == nil {
		r, err = Resume(ctx, cfg, info.ID, plan, all())
		if errors.Is(err, ErrComplete) {
			return nil
		}
	} else {
		r, err = Create(ctx, cfg, plan)
	}
	if err != nil {
		return err
	}
	if list := r.Resends(); len(list) > killInFlight {
		return fmt.Errorf("%d queries listed as in flight, more than ever were", len(list))
	}
	for _, o := range r.Resends() {
		fmt.Fprintln(listed, o.ID)
	}

	work := make(chan int64)
	errs := make(chan error, killInFlight)
	var settling sync.Mutex
	for range killInFlight {
		go func() {
			for i := range work {
				if err := start(r, i); err != nil {
					errs <- err
					return
				}
				fmt.Fprintf(sent, "q%d\n", i)
				time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond)
				settling.Lock()
				err := end(r, i, 0, "answered")
				settling.Unlock()
				if err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for i := range int64(killQueries) {
		ask, err := r.Admit(i, testQuery(i))
		if err != nil {
			return err
		}
		if ask {
			work <- i
		}
	}
	close(work)
	for range killInFlight {
		if err := <-errs; err != nil {
			return err
		}
	}
	_, err = r.Finish(ctx)
	return err
}
