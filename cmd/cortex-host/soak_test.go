package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestSoak asks simulated queries for a long time and sees that descriptors,
// goroutines, threads and memory of host and plugin stay level. CORTEX_SOAK is
// the number of queries; make soak asks two million.
func TestSoak(t *testing.T) {
	needsProc(t)
	n := fromEnv("CORTEX_SOAK", 40_000)
	home := t.TempDir()
	cmd := exec.Command(filepath.Join(layout, "cortex-host"), "batch", "-", "--provider", "simulator", "-o", filepath.Join(home, "out.ndjson"), "-j", "64",
		"--progress", "none", "--metrics", "127.0.0.1:0")
	cmd.Dir, cmd.Env, cmd.WaitDelay = home, cleanEnv(home), 5*time.Second
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	errs := new(lockedBuffer)
	cmd.Stderr = errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	fed := make(chan error, 1)
	go func() { fed <- feedQueries(in, n) }()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	began := time.Now()
	every := max(20*time.Millisecond, time.Duration(n)*time.Microsecond/2)
	var list []sample
	for err == nil {
		select {
		case err = <-ended:
			if err != nil || <-fed != nil {
				t.Fatalf("%v\n%s", err, errs)
			}
			checkSoak(t, list, n)
			t.Logf("%d queries in %v, %d samples", n, time.Since(began).Round(time.Second), len(list))
			return
		case <-time.After(every):
			if s, ok := takeSample(t, cmd.Process.Pid, errs.String()); ok {
				list = append(list, s)
			}
		}
	}
}

func feedQueries(in io.WriteCloser, n int) error {
	w := bufio.NewWriterSize(in, 1<<16)
	for i := range n {
		if _, err := fmt.Fprintf(w, `{"id":"q%d","messages":[{"role":"user","content":"question %d"}]}`+"\n", i, i); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return in.Close()
}

// A sample is what host and plugin hold at one moment.
type sample struct {
	descriptors, threads, goroutines int64
	hostMemory, childMemory          int64
}

func takeSample(t *testing.T, pid int, notes string) (s sample, ok bool) {
	t.Helper()
	reply, err := http.Get(metricsAddress.FindString(notes))
	if err != nil {
		return s, false // not yet, or not any more
	}
	defer reply.Body.Close()
	page, err := io.ReadAll(reply.Body)
	if err != nil {
		return s, false
	}
	for line := range strings.Lines(string(page)) {
		if value, found := strings.CutPrefix(line, "go_goroutines "); found {
			s.goroutines, _ = strconv.ParseInt(strings.TrimSpace(value), 10, 64)
		}
	}
	family := append([]int{pid}, descendants(t, pid)...)
	for i, p := range family {
		open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p))
		if err != nil {
			return s, false
		}
		s.descriptors += int64(len(open))
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p))
		if err != nil {
			return s, false
		}
		s.threads += statusField(string(status), "Threads:")
		if memory := statusField(string(status), "VmRSS:") << 10; i == 0 {
			s.hostMemory = memory
		} else {
			s.childMemory += memory
		}
	}
	return s, len(family) > 1 && s.goroutines > 0
}

func statusField(status, name string) int64 {
	for line := range strings.Lines(status) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			n, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return n
		}
	}
	return 0
}

// checkSoak compares the last quarter of the samples with the second one: what
// leaks has grown between them.
func checkSoak(t *testing.T, list []sample, n int) {
	t.Helper()
	if len(list) < 8 {
		t.Fatalf("only %d samples: the run was too short", len(list))
	}
	quarter := len(list) / 4
	early, late := list[quarter:2*quarter], list[len(list)-quarter:]
	middle := func(part []sample, of func(sample) int64) int64 {
		values := make([]int64, len(part))
		for i, s := range part {
			values[i] = of(s)
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	for _, c := range []struct {
		what string
		of   func(sample) int64
		most int64 // growth
	}{
		{"descriptors", func(s sample) int64 { return s.descriptors }, 8},
		{"threads", func(s sample) int64 { return s.threads }, 16},
		{"goroutines", func(s sample) int64 { return s.goroutines }, 16},
		{"bytes of the host", func(s sample) int64 { return s.hostMemory }, 16<<20 + 16*int64(n)},
		{"bytes of the plugin", func(s sample) int64 { return s.childMemory }, 16 << 20},
	} {
		before, after := middle(early, c.of), middle(late, c.of)
		t.Logf("%d, later %d %s", before, after, c.what)
		if raceEnabled && strings.HasPrefix(c.what, "bytes") {
			continue // the detector has a memory of its own
		}
		if after > before+c.most {
			t.Errorf("%s grow: %d, later %d", c.what, before, after)
		}
	}
}
