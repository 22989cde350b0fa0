package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// The test binary plays the roles that the bench starts itself in.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case roleVendor, roleMeasure, roleArm:
			main()
		}
	}
	os.Exit(m.Run())
}

func TestArmsAnswerEverything(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: the benchmark measures on Linux only")
	}
	file := filepath.Join(t.TempDir(), "bench.json")
	var stdout, stderr bytes.Buffer
	args := []string{"-queries", "200", "-in-flight", "32", "-rounds", "2", "-arms", "floor,loop,files,executor", "-json", file}
	if code := run(t.Context(), args, nil, &stdout, &stderr); code != 0 {
		t.Fatalf("exit %d: %s", code, stderr.String())
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var report Report
	if err := json.Unmarshal(data, &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Cases) != 2 || report.Cases[0].Case.TLS || !report.Cases[1].Case.TLS {
		t.Fatalf("cases %+v, want one over HTTP and one over TLS", report.Cases)
	}
	for _, c := range report.Cases {
		for _, a := range c.Arms {
			if len(a.Runs) != 2 {
				t.Errorf("%s ran %d times, want 2", a.Name, len(a.Runs))
			}
			for _, r := range a.Runs {
				if r.Answered != 200 || r.Requests != 200 || r.MaxInFlight > 32 || r.CPU <= 0 || r.P50 < 5*ms || r.P99 < r.P50 || r.Wall <= 0 || r.PeakBytes <= 0 {
					t.Errorf("%s: %+v", a.Name, r)
				}
			}
			if a.Name == baseline && (a.CPURatio != Spread{1, 1, 1}) {
				t.Errorf("the baseline's ratio to itself is %v", a.CPURatio)
			}
		}
	}
	if !strings.Contains(stdout.String(), "executor") {
		t.Errorf("the table lacks an arm:\n%s", stdout.String())
	}
}

// A descendant that outlives its parent is what a plugin becomes whose host
// does not wait for it.
func TestNoDescendantIsMissed(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: the benchmark measures on Linux only")
	}
	burn := `i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done`
	cpu := map[string]time.Duration{}
	for name, script := range map[string]string{
		"child": burn, "grandchild": "sh -c '" + burn + "'; true", "orphan": "(sh -c '" + burn + "' &) ; exit 0",
	} {
		run, err := measured(t.Context(), []string{"/bin/sh", "-c", script}, nil)
		if err != nil {
			t.Fatal(err)
		}
		cpu[name] = run.CPU
	}
	for _, name := range []string{"grandchild", "orphan"} {
		if cpu[name] < cpu["child"]/3 {
			t.Errorf("the work of a %s counts %v, that of a child %v", name, cpu[name], cpu["child"])
		}
	}
}

func TestFailingArmFails(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: the benchmark measures on Linux only")
	}
	if _, err := measured(t.Context(), []string{"/bin/sh", "-c", "echo broken >&2; exit 3"}, nil); err == nil || !strings.Contains(err.Error(), "status 3") {
		t.Errorf("measured() = %v, want the exit status", err)
	}
	if _, err := exec.LookPath("no-such-program"); err == nil {
		t.Skip("there is a no-such-program")
	}
	if _, err := measured(t.Context(), []string{"no-such-program"}, nil); err == nil {
		t.Error("a program that is not there was measured")
	}
}

func TestUnknownNamesAreExplained(t *testing.T) {
	for _, args := range [][]string{{"-workload", "x"}, {"-arms", "x"}, {"-transport", "x"}} {
		var stderr bytes.Buffer
		if code := run(t.Context(), args, nil, &bytes.Buffer{}, &stderr); code != 1 || !strings.Contains(stderr.String(), "choose") {
			t.Errorf("%q: exit %d, %s", args, code, stderr.String())
		}
	}
}

func TestSpread(t *testing.T) {
	runs := []Run{{Wall: 3}, {Wall: 1}, {Wall: 2}, {Wall: 10}}
	if s := spreadOf(runs, func(_ int, r Run) float64 { return float64(r.Wall) }); s != (Spread{2.5, 1, 10}) {
		t.Errorf("spreadOf() = %v", s)
	}
}
