package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/sdk"
)

const (
	killQueries  = 4000
	killInFlight = 32
)

// The process is killed at random moments. A server that counts agrees with
// the journal: a query was sent again only if the journal has listed it as in
// flight, never more than were in flight, and each query has one row.
func TestKill(t *testing.T) {
	for name := range killedSessions {
		t.Run(name, func(t *testing.T) { killRounds(t, name) })
	}
}

// killedSessions are who works on the run: goroutines of their own, and the
// executor.
var killedSessions = map[string]func(r *Run, sent io.Writer) error{"bare": bareSession, "executor": executorSession}

func killRounds(t *testing.T, session string) {
	rounds := 12
	if n, err := strconv.Atoi(os.Getenv("CORTEX_TORTURE_ROUNDS")); err == nil {
		rounds = n
	}
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	dir := t.TempDir()
	runs := 1
	for round := 0; ; round++ {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "JOURNAL_TEST_CHILD="+dir, "JOURNAL_TEST_SESSION="+session)
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
	for _, o := range r.Resends() {
		fmt.Fprintln(listed, o.ID)
	}
	if err := killedSessions[os.Getenv("JOURNAL_TEST_SESSION")](r, sent); err != nil {
		return err
	}
	_, err = r.Finish(ctx)
	return err
}

// bareSession uses the journal as strictly as can be: a slot is free only
// when its query is settled. So no more is ever cut off than was in flight.
func bareSession(r *Run, sent io.Writer) error {
	if list := r.Resends(); len(list) > killInFlight {
		return fmt.Errorf("%d queries listed as cut off, more than ever were in flight", len(list))
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
	return nil
}

// executorSession lets the executor use the journal as its recorder.
func executorSession(r *Run, sent io.Writer) error {
	ask := sdk.ProviderFunc(func(_ context.Context, q *sdk.Query) (*sdk.Response, error) {
		fmt.Fprintln(sent, q.ID)
		time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond)
		return &sdk.Response{Content: "yes"}, nil
	})
	exec, err := executor.New(executor.Config{MaxConcurrent: killInFlight, Recorder: r,
		Lanes: []route.Lane{{Name: "lane", Provider: ask, Model: "m-1", Local: true, Free: true}}})
	if err != nil {
		return err
	}
	queries := func(yield func(sdk.Query, error) bool) {
		for i := range int64(killQueries) {
			if !yield(*testQuery(i), nil) {
				return
			}
		}
	}
	_, err = exec.Run(context.Background(), queries, func(res sdk.Result) error {
		_, row := testResult(res.Index, 0, "answered")
		return r.Settle(&res, row)
	})
	return err
}
