package confine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/core/confine"
)

// supervised starts a script under the policy and a supervisor.
func supervised(t *testing.T, p confine.Policy, script string) (*confine.Process, *bytes.Buffer) {
	t.Helper()
	onLinux(t)
	p.Supervise = true
	cmd, err := confine.Command(p, "/bin/sh", "-c", script)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	child, err := confine.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { child.Kill(); _ = child.Wait() })
	return child, &out
}

func TestSupervisorTellsWhatItDid(t *testing.T) {
	child, out := supervised(t, confine.Policy{NoTracing: true, OpenFiles: 50, OOMScore: 300, Name: "my name", Strict: true},
		"echo $0; ulimit -n; cat /proc/$$/oom_score_adj; kill -9 $$")
	report, pid, err := child.Report(t.Context())
	if err != nil || pid == child.Pid() || pid == 0 {
		t.Fatalf("pid %d, %v", pid, err)
	}
	for _, name := range []string{"core", "open_files", "oom_score", "no_new_privs", "tracing"} {
		if !report.Enforced(name) {
			t.Errorf("%s is not enforced: %+v", name, report)
		}
	}
	exit, err := child.Exit()
	if err != nil || exit.Status != -1 || exit.Signal != "killed" || exit.String() != "signal: killed" {
		t.Errorf("%+v, %v", exit, err)
	}
	if out.String() != "my name\n50\n300\n" {
		t.Errorf("%q", out)
	}
}

func TestSupervisorSaysWhyThereIsNoChild(t *testing.T) {
	onLinux(t)
	cmd, err := confine.Command(confine.Policy{Supervise: true}, "/no/such/program")
	if err != nil {
		t.Fatal(err)
	}
	child, err := confine.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := child.Report(t.Context()); err == nil || !strings.Contains(err.Error(), "/no/such/program") {
		t.Errorf("got %v", err)
	}
	if exit, err := child.Exit(); err != nil || exit.Status != 126 {
		t.Errorf("got %+v, %v", exit, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	child, _ = supervised(t, confine.Policy{}, "sleep 100")
	_, _, err = child.Report(ctx)
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// What should be enforced and cannot be, though the kernel could, ends the
// child before it begins.
func TestStrictRefuses(t *testing.T) {
	onLinux(t)
	if confine.LandlockABI() == 0 {
		t.Skip("SKIPPED: this kernel has no Landlock")
	}
	policy := confine.Policy{Files: true, Strict: true, ReadPaths: []string{"/no/such/directory"}}
	child, out := supervised(t, policy, "echo it runs")
	if _, _, err := child.Report(t.Context()); err == nil || !strings.Contains(err.Error(), "/no/such/directory") {
		t.Errorf("got %v", err)
	}
	if _ = child.Wait(); strings.Contains(out.String(), "it runs") {
		t.Errorf("got %s", out)
	}
	// No Landlock at all is not the policy's fault.
	policy.Landlock = -1
	child, out = supervised(t, policy, "echo it runs")
	report, _, err := child.Report(t.Context())
	if _ = child.Wait(); err != nil || report.Enforced("files") || !strings.Contains(out.String(), "it runs") {
		t.Errorf("got %v, %+v, %s", err, report, out)
	}
}

// On every kernel the report is what is really so.
func TestReportOfOlderKernels(t *testing.T) {
	onLinux(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("read -r x < %s && echo files; kill -0 %d && echo signals; true < /proc/%d/environ && echo processes; exit 0",
		secret, os.Getpid(), os.Getpid())
	for abi := -1; abi <= confine.LandlockABI(); abi++ {
		if abi == 0 {
			continue // the kernel's own, which comes last
		}
		child, out := supervised(t, confine.Policy{Files: true, Strict: true, Landlock: abi}, script)
		report, _, err := child.Report(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _ = child.Wait(); report.LandlockABI != max(0, abi) {
			t.Errorf("ABI %d: the report says %d", abi, report.LandlockABI)
		}
		for _, name := range []string{"files", "signals", "processes"} {
			possible := strings.Contains(out.String(), name+"\n")
			if possible == report.Enforced(name) {
				t.Errorf("ABI %d: %s: possible %v, enforced %v: %s", abi, name, possible, report.Enforced(name), out)
			}
		}
	}
}

func TestTracingIsTakenAway(t *testing.T) {
	onLinux(t)
	if _, err := exec.LookPath("unshare"); err != nil {
		t.Skip("SKIPPED: no unshare")
	}
	child, out := supervised(t, confine.Policy{NoTracing: true}, "unshare -U true && echo possible; true & wait $! && echo forks")
	if _ = child.Wait(); strings.Contains(out.String(), "possible") || !strings.Contains(out.String(), "forks") {
		t.Errorf("got %s", out)
	}
}

// A supervisor that is killed takes the child along.
func TestKilledSupervisor(t *testing.T) {
	child, _ := supervised(t, confine.Policy{}, "sleep 1000 & echo; wait")
	_, pid, err := child.Report(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(child.Pid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waitGone(t, []int{pid})
	if exit, err := child.Exit(); err != nil || exit.Signal != "killed" {
		t.Errorf("got %+v, %v", exit, err)
	}
}

// Descendants that are born faster than one by one can be killed.
func TestSupervisorEndsAFlood(t *testing.T) {
	child, _ := supervised(t, confine.Policy{}, `trap "" TERM INT HUP; i=0; while [ $i -lt 50 ]; do (trap "" TERM; while :; do sleep 0.01; done) & i=$((i+1)); done; echo; wait`)
	_, pid, err := child.Report(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond)
	start := time.Now()
	child.Kill()
	if _ = child.Wait(); time.Since(start) > 3*time.Second {
		t.Errorf("took %v", time.Since(start))
	}
	waitGone(t, []int{pid})
	if n := descendantsOf(t, child.Pid()); n > 0 {
		t.Errorf("%d processes are left", n)
	}
}

// descendantsOf counts the processes of a process group's session that are left.
func descendantsOf(t *testing.T, group int) (n int) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range stats {
		data, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
		if len(fields) > 2 && fields[1] == fmt.Sprint(group) {
			n++
		}
	}
	return n
}
