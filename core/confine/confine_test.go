package confine_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cortexlinux/cortex-host/core/confine"
)

// hostEnv makes this test binary a program that starts a supervised child and
// waits to be killed.
const hostEnv = "CORTEX_TEST_HOST"

func TestMain(m *testing.M) {
	confine.Main(confine.Child{Name: "allocate", Run: allocate}, confine.Child{Name: "report", Run: report},
		confine.Child{Name: "spin", Run: spin}, confine.Child{Name: "reach", Run: reach})
	if script := os.Getenv(hostEnv); script != "" {
		os.Exit(host(script))
	}
	goleak.VerifyTestMain(m)
}

// spin computes for ever, or nearly.
func spin([]string) int {
	n := uint64(time.Now().UnixNano())
	for n != 0 {
		n = n*6364136223846793005 + 1442695040888963407
	}
	return 0
}

// allocate takes memory until it may not.
func allocate([]string) int {
	var all [][]byte
	for {
		b := make([]byte, 16<<20)
		for i := range b {
			b[i] = 1
		}
		all = append(all, b)
		fmt.Println(len(all))
	}
}

func report([]string) int {
	r, err := confine.Enforced()
	if err != nil {
		fmt.Println(err)
		return 1
	}
	for _, m := range r.Measures {
		fmt.Println(m.Name, m.Enforced)
	}
	return 0
}

func host(script string) int {
	cmd, err := confine.Command(confine.Policy{Supervise: true}, "/bin/sh", "-c", script)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	cmd.Stdout = os.Stdout
	p, err := confine.Start(cmd)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	_ = p.Wait()
	return 0
}

func onLinux(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: for Linux")
	}
}

// run runs a confined command to its end and returns its output and status.
func run(t *testing.T, cmd *exec.Cmd, err error) (string, confine.Exit) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	p, err := confine.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	exit, err := p.Exit()
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), exit
}

func TestCommandBecomesItsTarget(t *testing.T) {
	cmd, err := confine.Command(confine.Policy{}, "/bin/sh", "-c", "echo $0 $1; ulimit -c; exit 7", "zero", "one")
	out, exit := run(t, cmd, err)
	if out != "zero one\n0\n" || exit.Status != 7 {
		t.Errorf("%q, %+v", out, exit)
	}
}

func TestMissingTargetIsNamed(t *testing.T) {
	cmd, err := confine.Command(confine.Policy{}, "/no/such/program")
	out, exit := run(t, cmd, err)
	if !strings.Contains(out, "/no/such/program") || exit.Status == 0 {
		t.Errorf("%q, %+v", out, exit)
	}
}

func TestUnknownChildIsNamed(t *testing.T) {
	cmd, err := confine.ChildCommand(nil, confine.Policy{}, "nobody")
	out, exit := run(t, cmd, err)
	if !strings.Contains(out, `"nobody"`) || exit.Status == 0 {
		t.Errorf("%q, %+v", out, exit)
	}
}

func TestWrapKeepsTheCommand(t *testing.T) {
	cmd := exec.Command("/bin/sh", "-c", "echo $GREETING; pwd")
	cmd.Env, cmd.Dir = []string{"GREETING=hello"}, "/"
	out, _ := run(t, cmd, confine.Wrap(cmd, confine.Policy{OpenFiles: 64}))
	if out != "hello\n/\n" {
		t.Errorf("%q", out)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	onLinux(t)
	if raceEnabled {
		t.Skip("SKIPPED: the race detector itself needs more memory")
	}
	cmd, err := confine.ChildCommand(nil, confine.Policy{DataBytes: 256 << 20}, "allocate")
	out, exit := run(t, cmd, err)
	if exit.Status == 0 || !strings.Contains(out, "memory") {
		t.Errorf("%+v %.200q", exit, out)
	}
	if exit.MaxRSS > 320<<20 {
		t.Errorf("it had %d MiB", exit.MaxRSS>>20)
	}
}

func TestProcessorTimeIsBounded(t *testing.T) {
	onLinux(t)
	cmd, err := confine.ChildCommand(nil, confine.Policy{CPU: time.Second}, "spin")
	_, exit := run(t, cmd, err)
	if exit.Signal == "" || exit.CPU > 10*time.Second {
		t.Errorf("%+v", exit)
	}
}

func TestFilesAreRestricted(t *testing.T) {
	onLinux(t)
	if confine.LandlockABI() == 0 {
		t.Skip("SKIPPED: this kernel has no Landlock")
	}
	read, write, other := t.TempDir(), t.TempDir(), t.TempDir()
	for _, dir := range []string{read, write, other} {
		if err := os.WriteFile(filepath.Join(dir, "file"), []byte("content\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p := confine.Policy{Files: true, ReadPaths: []string{read}, WritePaths: []string{write}}
	for script, allowed := range map[string]bool{
		"read -r x < " + read + "/file":  true,
		"echo x > " + read + "/file":     false,
		"echo x > " + read + "/new":      false,
		"echo x > " + write + "/new":     true,
		"read -r x < " + other + "/file": false,
		"read -r x < /etc/passwd":        false,
	} {
		cmd, err := confine.Command(p, "/bin/sh", "-c", script)
		if out, exit := run(t, cmd, err); (exit.Status == 0) != allowed {
			t.Errorf("%s: status %d, allowed %v: %s", script, exit.Status, allowed, out)
		}
	}
}

func TestReportReachesTheChild(t *testing.T) {
	onLinux(t)
	cmd, err := confine.ChildCommand(nil, confine.Policy{DataBytes: 512 << 20, NoNetwork: true, NoChildren: true, Files: true, Report: true}, "report")
	out, _ := run(t, cmd, err)
	for _, want := range []string{"core true", "data true", "no_new_privs true", "files", "network", "syscalls"} {
		if !strings.Contains(out, want) {
			t.Errorf("the report lacks %q: %s", want, out)
		}
	}
}

// A child that only computes can signal and trace nobody, has none of root's
// powers, and still ends by its own means.
func TestChildThatOnlyComputes(t *testing.T) {
	onLinux(t)
	p := confine.Policy{NoChildren: true, Strict: true, Landlock: -1}
	cmd, err := confine.ChildCommand(nil, p, "reach", strconv.Itoa(os.Getpid()))
	if out, exit := run(t, cmd, err); exit.Status != 0 {
		t.Errorf("%+v: %s", exit, out)
	}
}

// A strict child does not begin when a measure fails that the kernel has.
func TestStrictWithoutSupervisor(t *testing.T) {
	onLinux(t)
	if confine.LandlockABI() == 0 {
		t.Skip("SKIPPED: this kernel has no Landlock")
	}
	for strict, wanted := range map[bool]int{true: 126, false: 0} {
		p := confine.Policy{Files: true, ReadPaths: []string{"/no/such/directory"}, Strict: strict, Report: true}
		cmd, err := confine.ChildCommand(nil, p, "report")
		out, exit := run(t, cmd, err)
		if exit.Status != wanted || strict && !strings.Contains(out, "/no/such/directory") {
			t.Errorf("strict %v: %+v: %s", strict, exit, out)
		}
	}
}

// A supervised child that hides its descendants in sessions of their own.
const hiding = `setsid sleep 1000 & (setsid sh -c 'sleep 1000 & echo $!; sleep 1000' &) ; echo $!; echo $$; sleep 1000`

// readPids reads n process ids.
func readPids(t *testing.T, r io.Reader, n int) []int {
	t.Helper()
	var pids []int
	for lines := bufio.NewScanner(r); len(pids) < n && lines.Scan(); {
		pid, err := strconv.Atoi(lines.Text())
		if err != nil {
			t.Fatalf("not a process: %q", lines.Text())
		}
		pids = append(pids, pid)
	}
	if len(pids) < n {
		t.Fatalf("only %d processes", len(pids))
	}
	return pids
}

func alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func waitGone(t *testing.T, pids []int) {
	t.Helper()
	for start := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		left := 0
		for _, pid := range pids {
			if alive(pid) {
				left++
			}
		}
		if left == 0 {
			return
		}
		if time.Since(start) > 2*time.Second {
			t.Fatalf("%d of %d processes are left", left, len(pids))
		}
	}
}

func TestSupervisorEndsAllDescendants(t *testing.T) {
	onLinux(t)
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip("SKIPPED: no setsid")
	}
	t.Run("killed by Kill", func(t *testing.T) {
		cmd, err := confine.Command(confine.Policy{Supervise: true}, "/bin/sh", "-c", hiding)
		if err != nil {
			t.Fatal(err)
		}
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		cmd.Stdout = w
		p, err := confine.Start(cmd)
		w.Close()
		if err != nil {
			t.Fatal(err)
		}
		pids := readPids(t, r, 3)
		p.Kill()
		_ = p.Wait()
		waitGone(t, pids)
	})
	t.Run("killed program", func(t *testing.T) {
		program := exec.Command(os.Args[0])
		program.Env = append(os.Environ(), hostEnv+"="+hiding)
		out, err := program.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := program.Start(); err != nil {
			t.Fatal(err)
		}
		pids := readPids(t, out, 3)
		_ = program.Process.Signal(syscall.SIGKILL)
		waitGone(t, pids)
		_ = program.Wait()
	})
	t.Run("status", func(t *testing.T) {
		cmd, err := confine.Command(confine.Policy{Supervise: true}, "/bin/sh", "-c", "exit 5")
		if _, exit := run(t, cmd, err); exit.Status != 5 {
			t.Errorf("%+v", exit)
		}
	})
}
