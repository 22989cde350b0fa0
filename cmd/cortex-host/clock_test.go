package main

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

// steppingClock makes time.Now of a program jump: its wall clock is right, a day
// ahead, right, a day behind, for 0.7 seconds each, counted from the start of
// the process. The monotonic clock goes on, as it does when somebody sets the
// clock of a machine.
const steppingClock = `
func clockStep(mono int64) int64 {
	const phase, day = 700_000_000, 86_400
	switch (mono - startNano) / phase % 4 {
	case 1:
		return day
	case 3:
		return -day
	}
	return 0
}
`

// buildStepping builds host and plugin with a clock that is set again and again.
func buildStepping(t *testing.T) (bin string) {
	t.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	original := filepath.Join(strings.TrimSpace(string(root)), "src", "time", "time.go")
	source := readFile(t, original)
	const now = "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n"
	if !strings.Contains(source, now) {
		t.Skip("SKIPPED: time.Now of this Go does not look as expected")
	}
	dir := t.TempDir()
	changed, overlay := filepath.Join(dir, "time.go"), filepath.Join(dir, "overlay.json")
	source = strings.Replace(source, now, now+"\tsec += clockStep(mono)\n", 1) + steppingClock
	data, err := json.Marshal(map[string]map[string]string{"Replace": {original: changed}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{changed: source, overlay: string(data)} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bin = filepath.Join(dir, "bin")
	for out, pkg := range map[string]string{"cortex-host": "./cmd/cortex-host", "plugins/cortex-provider-openai": "./plugins/openai"} {
		if err := tool("../..", nil, "go", "build", "-buildvcs=false", "-overlay", overlay, "-o", filepath.Join(bin, out), pkg); err != nil {
			t.Fatal(err)
		}
	}
	return bin
}

// The clock is set forward and back by a day, again and again: no wait is off by
// more than a second. It builds the standard library anew, so it is for make
// clock.
func TestClockThatIsSet(t *testing.T) {
	if os.Getenv("CORTEX_CLOCK") == "" {
		t.Skip("SKIPPED: make clock does it")
	}
	bin := buildStepping(t)
	refuse := func(name string, value func() string) func(upstream.Request) upstream.Reply {
		return func(r upstream.Request) upstream.Reply {
			if r.Attempt > 1 {
				return upstream.Reply{}
			}
			return upstream.Reply{Status: 429, Header: http.Header{name: {value()}}}
		}
	}
	for _, c := range []struct {
		name      string
		script    func(upstream.Request) upstream.Reply
		queries   int
		args      []string
		interrupt bool
		want      time.Duration // from the first request to the end or to the last one
		wait      bool          // between the two requests of a query
	}{
		{"Retry-After in seconds", refuse("Retry-After", func() string { return "3" }), 1, nil, false, 3 * time.Second, true},
		{"Retry-After in milliseconds", refuse("Retry-After-Ms", func() string { return "2500" }), 1, nil, false, 2500 * time.Millisecond, true},
		{"Retry-After as a date", refuse("Retry-After", func() string { return time.Now().Add(4 * time.Second).UTC().Format(http.TimeFormat) }), 1, nil, false, 3500 * time.Millisecond, true},
		{"rate", nil, 21, []string{"--requests-per-second", "5"}, false, 4 * time.Second, false},
		{"adaptive rate", nil, 21, []string{"--requests-per-second", "auto"}, false, 3 * time.Second, false},
		{"deadline", upstream.Always(upstream.Reply{Fault: upstream.Hang}), 1, []string{"--deadline", "4s", "--drain", "0s"}, false, 4 * time.Second, false},
		{"drain", upstream.Always(upstream.Reply{Fault: upstream.Hang}), 1, []string{"--drain", "3s"}, true, 3 * time.Second, false},
		{"timeout", upstream.Always(upstream.Reply{Fault: upstream.Hang}), 1, []string{"--timeout", "4s"}, false, 4 * time.Second, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := startVendor(t, upstream.Config{Script: c.script})
			home := t.TempDir()
			cmd := exec.Command(filepath.Join(bin, "cortex-host"), append([]string{"batch", queryFile(t, c.queries), "--provider", "openai", "--base-url", s.URL() + "/v1",
				"-o", filepath.Join(home, "out.ndjson"), "--dev-plugin", "openai=" + filepath.Join(bin, "plugins", "cortex-provider-openai")}, c.args...)...)
			cmd.Dir, cmd.Env = home, append(cleanEnv(home), "OPENAI_API_KEY=sk-1")
			errs := new(lockedBuffer)
			cmd.Stderr = errs
			began := time.Now()
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			for s.Stats().Requests == 0 && time.Since(began) < 20*time.Second {
				time.Sleep(5 * time.Millisecond)
			}
			if c.interrupt {
				cmd.Process.Signal(syscall.SIGINT)
			}
			waitEnd(t, cmd, 30*time.Second)
			ended := time.Now()
			requests := s.Requests()
			if len(requests) == 0 {
				t.Fatalf("no request: %s", errs)
			}
			took := ended.Sub(requests[0].At)
			switch {
			case c.wait && len(requests) != 2, c.queries > 1 && len(requests) != c.queries:
				t.Fatalf("%d requests\n%s", len(requests), errs)
			case c.wait, c.queries > 1:
				took = requests[len(requests)-1].At.Sub(requests[0].At)
			case c.name == "deadline" && took < c.want:
				took = min(ended.Sub(began), c.want) // it counts from the start of the run
			}
			if took < c.want-time.Second || took > c.want+time.Second {
				t.Errorf("it took %v, want %v\n%s", took, c.want, errs)
			}
			t.Logf("%v, want %v", took, c.want)
			if c.wait {
				var row sdk.Result
				if err := row.UnmarshalJSON([]byte(readFile(t, filepath.Join(home, "out.ndjson")))); err != nil || row.ExecutionTime < took-time.Second || row.ExecutionTime > took+time.Second {
					t.Errorf("the row says that it took %v: %v", row.ExecutionTime, err)
				}
			}
		})
	}
}
