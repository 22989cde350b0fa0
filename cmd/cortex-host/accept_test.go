package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

// slack is by how much a loaded machine may be slower than the number that the
// project holds itself to.
const slack = 3 * raceFactor

// startVendor starts a mock vendor for one test.
func startVendor(t *testing.T, cfg upstream.Config) *upstream.Server {
	t.Helper()
	s, err := upstream.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// hostCommand returns a command of the built host that asks the vendor.
func hostCommand(t *testing.T, s *upstream.Server, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(filepath.Join(layout, "cortex-host"), append(args, "--provider", "openai", "--base-url", s.URL()+"/v1")...)
	home := t.TempDir()
	cmd.Dir, cmd.Env = home, append(cleanEnv(home), "OPENAI_API_KEY=sk-1")
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// queryFile returns a file of n queries.
func queryFile(t *testing.T, n int) string {
	t.Helper()
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, `{"id":"q%d","messages":[{"role":"user","content":"question %d"}]}`+"\n", i, i)
	}
	path := filepath.Join(t.TempDir(), "queries.ndjson")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// timed runs a command to its end and returns its output and time.
func timed(t *testing.T, cmd *exec.Cmd) (stdout, stderr string, took time.Duration, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	began := time.Now()
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), time.Since(began), cmd.ProcessState.ExitCode()
}

func TestFiveOneSecondQueriesTakeLittleMoreThanOne(t *testing.T) {
	s := startVendor(t, upstream.Config{Latency: time.Second})
	path := queryFile(t, 5)
	timed(t, hostCommand(t, s, "batch", path, "--limit", "1")) // fills the caches
	out, errs, took, code := timed(t, hostCommand(t, s, "batch", path, "--max-concurrent", "5"))
	if code != 0 || strings.Count(out, "\n") != 5 {
		t.Fatalf("exit %d\n%s%s", code, out, errs)
	}
	t.Logf("took %v", took)
	if most := 1200 * time.Millisecond * slack; took > most {
		t.Errorf("took %v; at most %v", took, most)
	}
}

func TestOneWarmQueryIsQuick(t *testing.T) {
	s := startVendor(t, upstream.Config{})
	timed(t, hostCommand(t, s, "run", "package", "bash"))
	best := time.Hour
	for range 3 {
		_, errs, took, code := timed(t, hostCommand(t, s, "run", "package", "bash"))
		if code != 0 {
			t.Fatalf("exit %d\n%s", code, errs)
		}
		best = min(best, took)
	}
	t.Logf("took %v", best)
	if most := 150 * time.Millisecond * slack; best > most && !raceEnabled {
		t.Errorf("took %v; at most %v", best, most)
	}
}

func TestConfiguredRateIsUsedAndNeverExceeded(t *testing.T) {
	t.Parallel()
	const n, rate = 60, 5.0
	s := startVendor(t, upstream.Config{})
	out, errs, took, code := timed(t, hostCommand(t, s, "batch", queryFile(t, n), "--requests-per-second", "5", "-j", "20"))
	if code != 0 || strings.Count(out, "\n") != n {
		t.Fatalf("exit %d\n%s%s", code, out, errs)
	}
	var at []time.Time
	for _, r := range s.Requests() {
		at = append(at, r.At)
	}
	const jitter = 0.05 // of a loaded machine, in seconds: the vendor sees arrivals, not sends
	for i := range at {
		for j := i; j < len(at); j++ {
			if window := at[j].Sub(at[i]).Seconds(); float64(j-i+1) > rate*(window+jitter)+1 {
				t.Fatalf("%d sends within %.3f s", j-i+1, window)
			}
		}
	}
	if sustained := (n - 1) / at[n-1].Sub(at[0]).Seconds(); sustained > 5.1 || sustained < 4.8 {
		t.Errorf("%.2f sends a second (the run took %v); want 4.8 to 5.1", sustained, took)
	}
}

func TestConcurrencyIsExactlyWhatWasAskedFor(t *testing.T) {
	s := startVendor(t, upstream.Config{Latency: time.Second})
	_, errs, _, code := timed(t, hostCommand(t, s, "batch", queryFile(t, 160), "--max-concurrent", "64"))
	if got := s.Stats().MaxInFlight; code != 0 || got != 64 {
		t.Errorf("exit %d, the vendor saw %d in flight; want 64\n%s", code, got, errs)
	}
}

func TestRetryAfterIsWaitedFor(t *testing.T) {
	t.Parallel()
	refusal := upstream.Reply{Status: 429, Header: map[string][]string{"Retry-After": {"2"}}}
	s := startVendor(t, upstream.Config{Script: upstream.PerQuery(refusal)})
	out, errs, _, code := timed(t, hostCommand(t, s, "batch", queryFile(t, 1)))
	if code != 0 {
		t.Fatalf("exit %d\n%s%s", code, out, errs)
	}
	r := s.Requests()
	if len(r) != 2 {
		t.Fatalf("%d requests", len(r))
	}
	if wait := r[1].At.Sub(r[0].At); wait < 2*time.Second || wait > 2*time.Second*slack {
		t.Errorf("waited %v; want 2s", wait)
	}
}

// running starts a run that hangs at its vendor, and waits until it does.
func running(t *testing.T, s *upstream.Server, inFlight int, args ...string) (cmd *exec.Cmd, out, errs *lockedBuffer) {
	t.Helper()
	cmd = hostCommand(t, s, args...)
	out, errs = new(lockedBuffer), new(lockedBuffer)
	cmd.Stdout, cmd.Stderr = out, errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for deadline := time.Now().Add(20 * time.Second); s.Stats().InFlight < inFlight; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the run did not get going: %s", errs)
		}
	}
	return cmd, out, errs
}

// answersThenHangs answers question 0 and hangs on every other one.
func answersThenHangs(r upstream.Request) upstream.Reply {
	if r.Query == "question 0" {
		return upstream.Reply{}
	}
	return upstream.Reply{Fault: upstream.Hang}
}

func TestKilledHostLeavesNoProcess(t *testing.T) {
	needsProc(t)
	s := startVendor(t, upstream.Config{Script: answersThenHangs})
	cmd, _, _ := running(t, s, 3, "batch", queryFile(t, 4))
	children := descendants(t, cmd.Process.Pid)
	if len(children) == 0 {
		t.Fatal("the host has no children")
	}
	cmd.Process.Kill()
	cmd.Wait()
	waitGone(t, children, 2*time.Second)
}

func TestKilledHostLeavesNoGuest(t *testing.T) {
	needsProc(t)
	s := startVendor(t, upstream.Config{})
	cmd := hostCommand(t, s, "run", "package", "--input", "-")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(in, "bash")
	for deadline := time.Now().Add(20 * time.Second); s.Stats().Requests == 0 && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	children := descendants(t, cmd.Process.Pid)
	cmd.Process.Kill()
	cmd.Wait()
	if len(children) < 2 {
		t.Fatalf("a guest and a plugin should run: %v", children)
	}
	waitGone(t, children, 2*time.Second)
}

func TestKilledPluginEndsInAClearErrorOrGoesOn(t *testing.T) {
	needsProc(t)
	s := startVendor(t, upstream.Config{Script: answersThenHangs})
	cmd, out, errs := running(t, s, 1, "batch", queryFile(t, 2), "--timeout", "3s", "--max-retries", "1")
	for _, pid := range descendants(t, cmd.Process.Pid) {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	waitEnd(t, cmd, 20*time.Second)
	if code := cmd.ProcessState.ExitCode(); code != exitFailed {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
	if !strings.Contains(out.String(), `"query_id":"q0"`) {
		t.Errorf("the finished result is gone:\n%s", out)
	}
}

func TestStoppedPluginEndsWithinTheTimeout(t *testing.T) {
	needsProc(t)
	s := startVendor(t, upstream.Config{Script: answersThenHangs})
	cmd, out, errs := running(t, s, 1, "batch", queryFile(t, 2), "--timeout", "2s")
	for _, pid := range descendants(t, cmd.Process.Pid) {
		syscall.Kill(pid, syscall.SIGSTOP)
	}
	waitEnd(t, cmd, 20*time.Second)
	if code := cmd.ProcessState.ExitCode(); code != exitFailed {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
}

func TestASignalEndsTheRunAndKeepsWhatIsFinished(t *testing.T) {
	for _, c := range []struct {
		signal syscall.Signal
		code   int
	}{{syscall.SIGINT, 130}, {syscall.SIGTERM, 143}} {
		t.Run(c.signal.String(), func(t *testing.T) {
			s := startVendor(t, upstream.Config{Script: answersThenHangs})
			cmd, out, errs := running(t, s, 1, "batch", queryFile(t, 3), "--drain", "0s")
			for deadline := time.Now().Add(10 * time.Second); out.Len() == 0 && time.Now().Before(deadline); {
				time.Sleep(10 * time.Millisecond)
			}
			children := descendants(t, cmd.Process.Pid)
			began := time.Now()
			cmd.Process.Signal(c.signal)
			waitEnd(t, cmd, 10*time.Second)
			if took := time.Since(began); took > time.Second*slack {
				t.Errorf("it took %v to end", took)
			}
			if code := cmd.ProcessState.ExitCode(); code != c.code {
				t.Errorf("exit %d; want %d\n%s", code, c.code, errs)
			}
			if got := out.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `"query_id":"q0"`) {
				t.Errorf("results:\n%s", got)
			}
			waitGone(t, children, 2*time.Second)
		})
	}
}

func TestCallsUnderWayAreWaitedForAfterASignal(t *testing.T) {
	s := startVendor(t, upstream.Config{Latency: time.Second})
	cmd, out, errs := running(t, s, 2, "batch", queryFile(t, 50), "-j", "2")
	cmd.Process.Signal(syscall.SIGINT)
	waitEnd(t, cmd, 10*time.Second)
	if code := cmd.ProcessState.ExitCode(); code != 130 || !strings.Contains(errs.String(), "nothing more is sent") {
		t.Errorf("exit %d\n%s", code, errs)
	}
	if rows, sent := strings.Count(out.String(), `"content"`), s.Stats().Requests; rows != sent || sent > 4 {
		t.Errorf("%d calls were made and %d answers kept", sent, rows)
	}
}

func TestTheSecondSignalDoesNotWait(t *testing.T) {
	s := startVendor(t, upstream.Config{Script: upstream.Always(upstream.Reply{Fault: upstream.Hang})})
	cmd, _, errs := running(t, s, 1, "batch", queryFile(t, 3), "--drain", "1m")
	cmd.Process.Signal(syscall.SIGTERM)
	for deadline := time.Now().Add(5 * time.Second); !strings.Contains(errs.String(), "nothing more is sent") && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	began := time.Now()
	cmd.Process.Signal(syscall.SIGTERM)
	waitEnd(t, cmd, 20*time.Second)
	if took := time.Since(began); took > time.Second*slack || cmd.ProcessState.ExitCode() != 143 {
		t.Errorf("exit %d after %v\n%s", cmd.ProcessState.ExitCode(), took, errs)
	}
}

func TestAClosedPipeEndsCleanly(t *testing.T) {
	s := startVendor(t, upstream.Config{Latency: 20 * time.Millisecond})
	cmd := hostCommand(t, s, "batch", queryFile(t, 500))
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 1)
	if _, err := out.Read(first); err != nil {
		t.Fatal(err)
	}
	out.Close()
	waitEnd(t, cmd, 10*time.Second)
	if code := cmd.ProcessState.ExitCode(); code != 0 || strings.Contains(errs.String(), "error") {
		t.Errorf("exit %d\n%s", code, errs.String())
	}
	if n := s.Stats().Requests; n > 400 {
		t.Errorf("%d of 500 queries were asked for a reader that had gone", n)
	}
}

// lockedBuffer is written to by a command while a test reads it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *lockedBuffer) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Len()
}
