package process_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/core/process"
	"github.com/cortexlinux/cortex-host/core/store"
)

func TestRunDirIsRemoved(t *testing.T) {
	base := shortDir(t)
	dir, err := process.OpenRunDir(base)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir.Path()); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("got %v, %v", info, err)
	}
	p := open(t, process.Config{RunDir: dir})
	ask(t, p, "x")
	if sockets := socketsIn(t, base); len(sockets) != 1 {
		t.Errorf("got %v", sockets)
	}
	p.Close()
	if entries, err := os.ReadDir(dir.Path()); err != nil || len(entries) != 1 { // its lock
		t.Errorf("left %v, %v", entries, err)
	}
	if err := dir.Close(); err != nil {
		t.Error(err)
	}
	if entries, _ := os.ReadDir(base); len(entries) != 0 {
		t.Errorf("left %v", entries)
	}
}

func socketsIn(t testing.TB, base string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(base, func(path string, e os.DirEntry, err error) error {
		if err == nil && e.Type()&os.ModeSocket != 0 {
			list = append(list, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestRunDirsOfTheDeadAreSwept(t *testing.T) {
	base := shortDir(t)
	living, err := process.OpenRunDir(base)
	if err != nil {
		t.Fatal(err)
	}
	defer living.Close()
	for _, path := range []string{"cortex-host-1/p1", "cortex-host-mine", "cortex-host-open"} {
		if err := os.MkdirAll(filepath.Join(base, path), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"cortex-host-1/lock", "cortex-host-open/lock"} { // nobody holds it
		if err := os.WriteFile(filepath.Join(base, path), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(base, "cortex-host-open"), 0o755); err != nil {
		t.Fatal(err)
	}
	next, err := process.OpenRunDir(base)
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	for path, want := range map[string]bool{living.Path(): true, next.Path(): true,
		base + "/cortex-host-1": false, base + "/cortex-host-mine": true, base + "/cortex-host-open": true} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s: there: %v", path, err == nil)
		}
	}
}

// However far its removal has come when its host is killed, a run directory is
// either locked by nobody or of a name that says that it may go.
func TestARunDirIsNeverLeftWithoutItsLock(t *testing.T) {
	base := shortDir(t)
	for range 8 {
		dir, err := process.OpenRunDir(base)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 300 {
			if err := os.WriteFile(filepath.Join(dir.Path(), fmt.Sprint("p", i)), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		closed := make(chan struct{})
		go func() { defer close(closed); dir.Close() }()
		for open := true; open; {
			select {
			case <-closed:
				open = false
			default:
			}
			_, lockErr := os.Lstat(filepath.Join(dir.Path(), "lock"))
			if _, err := os.Lstat(dir.Path()); err == nil && lockErr != nil {
				t.Error("it is there without its lock: nobody would ever remove it")
				open = false
			}
		}
		<-closed
	}
	old := filepath.Join(base, ".cortex-host-1", "p1")
	if err := errors.Join(os.MkdirAll(old, 0o700), os.Chtimes(filepath.Dir(old), time.Time{}, time.Now().Add(-2*time.Hour))); err != nil {
		t.Fatal(err)
	}
	next, err := process.OpenRunDir(base)
	if err != nil {
		t.Fatal(err)
	}
	next.Close()
	if left, err := os.ReadDir(base); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestALongRunDirIsNamed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("x", 80))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := process.OpenRunDir(dir); err == nil || !strings.Contains(err.Error(), "TMPDIR") {
		t.Errorf("got %v", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("left %v", entries)
	}
}

func TestALongTMPDIRIsAvoided(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("x", 80))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	plugin := install(t, "puppet")
	t.Setenv("TMPDIR", dir)
	if _, err := process.Describe(t.Context(), plugin, ""); err != nil {
		t.Error(err)
	}
}

// hostUntilKilled is a host that tells its plugin's pid and waits for the end.
func hostUntilKilled(dir string) {
	p, err := process.New(process.Config{Plugin: store.Plugin{Name: "puppet", Path: filepath.Join(dir, "cortex-provider-puppet")}})
	if err != nil {
		panic(err)
	}
	pid, err := say(context.Background(), p, "pid")
	if err != nil {
		panic(err)
	}
	fmt.Println(pid)
	time.Sleep(time.Hour)
}

func TestAKilledHostLeavesNothing(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("needs Linux: the kernel ends the plugin with its host")
	}
	plugin := install(t, "puppet")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	host := exec.Command(self)
	host.Env = append(os.Environ(), "TEST_HOST_DIR="+filepath.Dir(plugin.Path))
	out, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscan(out, &pid); err != nil {
		t.Fatal(err)
	}
	if !alive(pid) {
		t.Fatal("the plugin does not run")
	}
	_ = host.Process.Kill()
	_ = host.Wait()
	gone(t, pid)
}
