package process_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/cortexlinux/cortex-host/core/process"
	"github.com/cortexlinux/cortex-host/core/store"
)

// copies counts the copies of programs that this process holds in memory.
func copies(t *testing.T) (n int) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.HasPrefix(target, "/memfd:cortex-provider") {
			n++
		}
	}
	return n
}

// Lanes of one plugin share one copy of its program, which goes with the last.
func TestLanesShareOneCopy(t *testing.T) {
	onLinux(t)
	dir, err := process.OpenRunDir(shortDir(t))
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	plugin := copyOfPuppet(t)
	before := copies(t)
	var lanes []*process.Provider
	for range 4 {
		lanes = append(lanes, open(t, process.Config{Plugin: plugin, RunDir: dir}))
	}
	var all sync.WaitGroup
	for _, p := range lanes {
		all.Go(func() { ask(t, p, "x") })
	}
	all.Wait()
	if n := copies(t) - before; n != 1 {
		t.Errorf("%d copies for %d lanes", n, len(lanes))
	}
	lanes[0].Close()
	ask(t, lanes[1], "x")
	if _, err := say(t.Context(), lanes[2], "exit"); err == nil {
		t.Error("it did not end")
	}
	ask(t, lanes[2], "x") // started again, from the same copy
	if n := copies(t) - before; n != 1 {
		t.Errorf("%d copies after a restart", n)
	}
	for _, p := range lanes {
		p.Close()
	}
	if n := copies(t) - before; n != 0 {
		t.Errorf("%d copies are left", n)
	}
	// A program that is refused is read again the next time.
	wrong := plugin
	wrong.Pin.SHA256 = strings.Repeat("0", 64)
	for range 2 {
		p := open(t, process.Config{Plugin: wrong, RunDir: dir})
		if _, err := say(t.Context(), p, "x"); err == nil || !strings.Contains(err.Error(), "refused") {
			t.Errorf("got %v", err)
		}
	}
}

// copyOfPuppet is a pinned plugin: the test binary, as a file of its own.
func copyOfPuppet(t *testing.T) store.Plugin {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "cortex-provider-puppet")
	if err := os.WriteFile(path, program, 0o755); err != nil {
		t.Fatal(err)
	}
	hash, err := store.Plugin{Path: path}.Hash()
	if err != nil {
		t.Fatal(err)
	}
	return store.Plugin{Name: "puppet", Path: path, Pin: store.Pin{By: store.ByLock, SHA256: hash}}
}
