package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Many items through `generate`, as people use it: fast, and in memory that does
// not grow with them. `make throughput` takes a million of them, with facts about
// packages, looks at the clock and compares the halves; the suite, whose machine
// does other things as well and which is over before the collectors have
// settled, looks at the processor time that a query takes and at the size.
func TestGenerateThroughput(t *testing.T) {
	if raceEnabled || testing.Short() {
		t.Skip("SKIPPED: timings mean nothing under the race detector")
	}
	n, facts, exact := 50_000, "none", os.Getenv("CORTEX_SLOW_TESTS") != ""
	if exact {
		n, facts = 1_000_000, "all"
	}
	home := t.TempDir()
	items := filepath.Join(home, "items")
	if err := writeItems(items, n); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		language, module string
		perSecond        float64
	}{
		{"go", filepath.Join(layout, "generators", "package.wasm"), 25_000},
		{"c", packageInC(t, home), 100_000},
	} {
		t.Run(c.language, func(t *testing.T) {
			if c.module == "" {
				t.Skip("SKIPPED: the package generator in C was not built, for want of clang and wasi-libc")
			}
			generateAll(t, home, "generate", c.module, "one") // compiles
			began := time.Now()
			peaks, cpu := generateAll(t, home, "generate", c.module, "--input", items, "--generator-facts", facts)
			perSecond := float64(n) / time.Since(began).Seconds()
			t.Logf("%d items: %.0f queries a second, %v of processor time each; MiB in the first half: %s, in the second: %s",
				n, perSecond, cpu/time.Duration(n), peaks[0], peaks[1])
			if exact && perSecond < c.perSecond {
				t.Errorf("%.0f queries a second, want %.0f", perSecond, c.perSecond)
			}
			// At the promised rate guest and host keep two processors busy.
			if budget := time.Duration(3 * 2 * float64(n) / c.perSecond * float64(time.Second)); cpu > budget {
				t.Errorf("%v of processor time, want at most %v (three times the promise)", cpu, budget)
			}
			// Flat: half a million more queries may cost what the collectors waver
			// by, and not the 24 MiB that a set of their ids would be.
			if grew := peaks[1].host - peaks[0].host; exact && grew > 10 {
				t.Errorf("the host grew by %d MiB", grew)
			}
			if grew := peaks[1].guest - peaks[0].guest; exact && grew > 4 {
				t.Errorf("the guest grew by %d MiB", grew)
			}
			if peaks[1].host > 96 || peaks[1].guest > 96 {
				t.Errorf("host and guest are %s MiB large", peaks[1])
			}
		})
	}
}

func writeItems(path string, n int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	for i := range n {
		fmt.Fprintf(w, "p%d\n", i)
	}
	return w.Flush()
}

// packageInC builds the package generator in C; it returns "" if it cannot.
func packageInC(t *testing.T, dir string) string {
	t.Helper()
	if _, err := exec.LookPath("clang"); err != nil {
		return ""
	}
	if _, err := os.Stat("/usr/lib/wasm32-wasi/libc.a"); err != nil {
		return ""
	}
	part, out := filepath.Join(dir, "c.part"), filepath.Join(dir, "c.wasm")
	err := tool(repository, nil, "clang", "--target=wasm32-wasi", "-O2", "-s", "-o", part, "sdk/c/package/package.c")
	if err == nil {
		err = tool(repository, nil, filepath.Join(layout, "cortex-host"), "generator", "pack",
			"--manifest", "wasm-generators/package/manifest.json", "-o", out, part)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// peak is the most memory that host and guest had resident, in MiB.
type peak struct{ host, guest int }

func (p peak) String() string { return fmt.Sprintf("host %d, guest %d", p.host, p.guest) }

// generateAll runs the host and returns the peaks of memory in the two halves
// of its time, and the processor time that it and its guest used.
func generateAll(t *testing.T, home string, args ...string) ([2]peak, time.Duration) {
	t.Helper()
	cmd := exec.Command(filepath.Join(layout, "cortex-host"), args...)
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CACHE_HOME="+filepath.Join(home, "cache"))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var samples []peak
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			var halves [2]peak
			for i, s := range samples {
				h := &halves[min(1, i*2/max(len(samples), 1))]
				h.host, h.guest = max(h.host, s.host), max(h.guest, s.guest)
			}
			return halves, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		case <-time.After(20 * time.Millisecond):
			var s peak
			s.host = resident(cmd.Process.Pid)
			for _, pid := range descendants(t, cmd.Process.Pid) {
				if cmdline, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline"); strings.Contains(string(cmdline), "cortex-child/1") {
					s.guest = max(s.guest, resident(pid))
				}
			}
			samples = append(samples, s)
		}
	}
}

// resident returns the resident memory of a process in MiB, 0 if it is gone.
func resident(pid int) int {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(data))
	pages, _ := strconv.Atoi(fields[min(1, len(fields)-1)])
	return pages * os.Getpagesize() >> 20
}
