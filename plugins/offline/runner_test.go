package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// shell makes a tool of a script, in a directory of its own.
func shell(t *testing.T, timeout time.Duration, atOnce int, scripts map[string]string) *execRunner {
	t.Helper()
	if _, err := os.Stat("/bin/sh"); err != nil {
		t.Skip("there is no /bin/sh")
	}
	dir := t.TempDir()
	for name, script := range scripts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r := newExecRunner(timeout, atOnce)
	r.path = dir + ":/usr/bin:/bin"
	return r
}

func TestRunner(t *testing.T) {
	t.Setenv("SECRET_KEY", "sesame")
	r := shell(t, time.Minute, 2, map[string]string{
		"tool":   `echo "args $*"; echo "LC_ALL $LC_ALL"; env; cat; pwd; echo complaint >&2; exit 7`,
		"killed": `kill -9 $$`,
		"floods": `head -c 40000000 /dev/zero | tr '\0' 'x'; head -c 1000000 /dev/zero | tr '\0' 'y' >&2`,
	})
	out, err := r.Run(t.Context(), "tool", "a b", "$(reboot)")
	if err != nil {
		t.Fatal(err)
	}
	if out.exit != 7 || out.complaint() != "complaint" || !strings.Contains(out.stdout, "args a b $(reboot)\n") || !strings.Contains(out.stdout, "LC_ALL C\n") || !strings.HasSuffix(out.stdout, "\n/\n") {
		t.Errorf("got %+v", out)
	}
	if strings.Contains(out.stdout, "sesame") {
		t.Error("a tool sees the environment of the plugin")
	}
	if _, err := r.Run(t.Context(), "missing"); !errors.Is(err, errNoTool) || r.Has("missing") {
		t.Errorf("a missing tool: %v", err)
	}
	if _, err := r.Run(t.Context(), "killed"); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("a killed tool: %v", err)
	}
	out, err = r.Run(t.Context(), "floods")
	if err != nil || len(out.stdout) != maxStdout || len(out.stderr) != maxStderr || !out.truncated || out.ok() {
		t.Errorf("a tool that floods: %v, %d and %d bytes, truncated %v", err, len(out.stdout), len(out.stderr), out.truncated)
	}
}

func TestRunnerGivesUp(t *testing.T) {
	r := shell(t, 100*time.Millisecond, 1, map[string]string{"hangs": "exec sleep 60", "leaves": "sleep 1.3 &", "waits": "read x; exec sleep 0.01"})
	began := time.Now()
	if _, err := r.Run(t.Context(), "hangs"); err == nil || !strings.Contains(err.Error(), "hangs took longer than 100ms") {
		t.Errorf("a tool that hangs: %v", err)
	}
	// A child that it leaves behind holds its output open; it is not waited for.
	_, _ = r.Run(t.Context(), "leaves")
	r.timeout = time.Minute
	if _, err := r.Run(t.Context(), "waits"); err != nil {
		t.Errorf("a tool that reads its input: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := r.Run(ctx, "hangs"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a call that is given up: %v", err)
	}
	time.Sleep(400 * time.Millisecond) // until the child that was left behind is gone
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}

// A call that waits for its turn can be given up.
func TestRunnerBoundsHowManyRun(t *testing.T) {
	r := shell(t, time.Minute, 1, map[string]string{"slow": "exec sleep 0.2"})
	var running sync.WaitGroup
	running.Go(func() { _, _ = r.Run(t.Context(), "slow") })
	for len(r.slots) == 0 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := r.Run(ctx, "slow"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	running.Wait()
}

func TestRunnerLooksInNoRelativeDirectory(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for name, mode := range map[string]os.FileMode{"evil": 0o755, "data": 0o644} {
		if err := os.WriteFile(name, []byte("#!/bin/sh\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	r := newExecRunner(time.Second, 1)
	for _, path := range []string{"", ".", "./", ":.:", "bin"} {
		if r.path = path; r.Has("evil") {
			t.Errorf("%q finds a tool in the working directory", path)
		}
	}
	r.path = dir
	if !r.Has("evil") || r.Has("data") || r.Has("..") || r.Has("") {
		t.Error("a tool is an executable file")
	}
}

func TestMemo(t *testing.T) {
	var m memo[int]
	loads := 0
	load := func(context.Context) (int, error) { loads++; return loads, nil }
	for _, c := range []struct {
		key, stamp string
		want       int
	}{{"a", "1", 1}, {"a", "1", 1}, {"a", "2", 2}, {"b", "2", 3}, {"a", "2", 2}} {
		if got, err := m.get(t.Context(), c.key, c.stamp, load); err != nil || got != c.want {
			t.Errorf("%s at %s: %d, %v; want %d", c.key, c.stamp, got, err, c.want)
		}
	}
	if _, err := m.get(t.Context(), "c", "1", func(context.Context) (int, error) { return 0, errNoTool }); !errors.Is(err, errNoTool) {
		t.Errorf("a failure: %v", err)
	}
	if got, err := m.get(t.Context(), "c", "1", load); err != nil || got != 4 {
		t.Errorf("after a failure: %d, %v", got, err)
	}
	for i := range maxMemo + 10 {
		_, _ = m.get(t.Context(), string(rune('a'+i)), "1", load)
	}
	if len(m.entries) > maxMemo {
		t.Errorf("it holds %d entries", len(m.entries))
	}
	begun, release := make(chan struct{}), make(chan struct{})
	var waiting sync.WaitGroup
	waiting.Go(func() {
		_, _ = m.get(context.Background(), "slow", "1", func(context.Context) (int, error) { close(begun); <-release; return 1, nil })
	})
	<-begun
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := m.get(ctx, "slow", "1", load); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("somebody who waits for a load cannot give up: %v", err)
	}
	close(release)
	waiting.Wait()
}
