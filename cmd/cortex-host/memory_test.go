package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// peakOf runs n queries from stdin through a command with the simulator and
// returns the most memory that the host had, in bytes. Line is a line of the
// input, with its number in it twice.
func peakOf(t *testing.T, n int, line string, args ...string) int64 {
	t.Helper()
	home := t.TempDir()
	cmd := exec.Command(filepath.Join(layout, "cortex-host"), append(args, "--provider", "simulator", "-q")...)
	cmd.Dir, cmd.Env = home, cleanEnv(home)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errs lockedBuffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	go func() {
		defer in.Close()
		w := bufio.NewWriter(in)
		for i := range n {
			fmt.Fprintf(w, line+"\n", i, i)
		}
		w.Flush()
	}()
	rows, peak := 0, int64(0)
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		// The peak is read while the process is still there.
		if rows++; rows%(n/50) == 0 {
			peak = max(peak, highWater(t, cmd.Process.Pid))
		}
	}
	_, _ = io.Copy(io.Discard, out)
	if err := cmd.Wait(); err != nil || rows != n {
		t.Fatalf("%d of %d rows, %v\n%s", rows, n, err, &errs)
	}
	return peak
}

// highWater returns the most memory that a process had so far.
func highWater(t *testing.T, pid int) int64 {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kb << 10
		}
	}
	return 0 // it is a zombie: the last rows were read after its end
}

// Memory does not grow with the batch, but by 16 bytes a query for the ids that
// were there. A million queries are asked by make memory; in the suite, the
// garbage collector gets some more room for its moods.
func TestMemoryOfEndlessStreams(t *testing.T) {
	needsProc(t)
	const few = 10_000
	many, room := 50_000, int64(slack*8<<20)
	if s := os.Getenv("CORTEX_MEMORY_QUERIES"); s != "" {
		many, _ = strconv.Atoi(s)
		room = 8 << 20
	}
	for name, c := range map[string]struct {
		line string
		args []string
	}{
		"batch": {`{"id":"q%d","messages":[{"role":"user","content":"question %d"}]}`, []string{"batch", "-"}},
		"run":   {`{"package":"p%d","n":%d}`, []string{"run", "package", "--input", "-", "--generator-facts", "none"}},
	} {
		t.Run(name, func(t *testing.T) {
			small, large := peakOf(t, few, c.line, c.args...), peakOf(t, many, c.line, c.args...)
			most := small + room + 16*int64(many)
			t.Logf("%d queries: %.1f MiB; %d queries: %.1f MiB, at most %.1f", few, mib(small), many, mib(large), mib(most))
			if large > most && !raceEnabled {
				t.Errorf("%d queries took %d bytes, more than %d", many, large, most)
			}
		})
	}
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }
