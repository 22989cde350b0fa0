package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/cortexlinux/cortex-host/core/executor"
)

// What descends from a run, as its plugins do, gives it no orders, wherever its
// socket is.
func TestAPluginGivesNoOrders(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: for Linux")
	}
	path := filepath.Join(t.TempDir(), "s")
	stop, err := (&app{}).serveControl(path, controls{&executor.Executor{}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	out, err := exec.Command(filepath.Join(layout, "cortex-host"), "control", path, "pause").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "plugins and generators give no orders") {
		t.Errorf("%v: %s", err, out)
	}
}

// The name of a recorded run's socket can be found by listing its directory, and
// by nothing else; what a killed run left there goes.
func TestControlSocketsAreFoundAndSwept(t *testing.T) {
	dir := t.TempDir()
	if len(dir) > 45 {
		dir = "/tmp"
	}
	dir, err := os.MkdirTemp(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	a := &app{env: func(name string) (string, bool) { return dir, name == "XDG_RUNTIME_DIR" }}
	const run = "20260102-150405-abcdef"
	first, second := a.newControlPath(run), a.newControlPath(run)
	if first == second || !strings.HasPrefix(filepath.Base(first), "cortex-host-"+run+"-") {
		t.Errorf("the names are %s and %s", first, second)
	}
	listen := func(path string) *net.UnixListener {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		l.SetUnlinkOnClose(false)
		return l
	}
	listen(first).Close()
	living := listen(second)
	defer living.Close()
	if got := a.controlPath(run); got != second {
		t.Errorf("found %q, want %q", got, second)
	}
	if got := a.controlPath("20260102-150405"); got != "" {
		t.Errorf("found %q for another run", got)
	}
	a.newControlPath(run)
	if _, err := os.Lstat(first); err == nil {
		t.Error("the socket of a killed run is left")
	}
	if _, err := os.Lstat(second); err != nil {
		t.Error("the socket of a living run was removed")
	}
}
