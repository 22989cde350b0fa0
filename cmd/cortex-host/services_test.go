package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

// TestTheUnitsAreRight has systemd itself read the units.
func TestTheUnitsAreRight(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("SKIPPED: the units were not read by systemd-analyze, which is not installed")
	}
	dir := t.TempDir()
	job := filepath.Join(dir, "cortex-host-job")
	for _, name := range []string{"cortex-host-job", "cortex-host@.service", "cortex-host@.timer"} {
		text := strings.ReplaceAll(readFile(t, filepath.Join("services", name)), "/usr/local/bin/cortex-host-job", job)
		mode := os.FileMode(0o644)
		if name == "cortex-host-job" {
			mode = 0o755
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("cortex-host@.service", filepath.Join(dir, "cortex-host@night.service")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("systemd-analyze", "verify", "--man=no", "./cortex-host@night.service", "./cortex-host@.timer")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if strings.Contains(string(out), "Failed to setup working directory") || strings.Contains(string(out), "cgroup") {
		t.Skipf("SKIPPED: systemd-analyze cannot work on this machine: %s", out)
	}
	// A setting that it does not understand is a warning, and ignored.
	if err != nil || regexp.MustCompile(`(?m)^.*cortex-host@.*$`).Match(out) {
		t.Errorf("%v\n%s", err, out)
	}
	when := regexp.MustCompile(`(?m)^OnCalendar=(.*)$`).FindStringSubmatch(readFile(t, "services/cortex-host@.timer"))
	if when == nil {
		t.Fatal("the timer has no OnCalendar")
	}
	if out, err := exec.Command("systemd-analyze", "calendar", when[1]).CombinedOutput(); err != nil || !strings.Contains(string(out), "Next elapse: ") {
		t.Errorf("OnCalendar=%s: %v\n%s", when[1], err, out)
	}
}

// TestTheJobOfTheService runs what the service runs: once, again on the same
// day, after it was cut off, and for a table.
func TestTheJobOfTheService(t *testing.T) {
	t.Parallel()
	vendor := startVendor(t, upstream.Config{})
	dir := queryDir(t, 5)
	etc, state := filepath.Join(dir, "etc"), filepath.Join(dir, "state")
	for path, text := range map[string]string{
		filepath.Join(etc, "night.ndjson"):       readFile(t, filepath.Join(dir, "queries.ndjson")),
		filepath.Join(etc, "cortex-host.yaml"):   "provider: openai\nmax_concurrent: 1\nmax_tokens: 100\n",
		filepath.Join(etc, "towns.csv"):          "town\nParis\nRome\n",
		filepath.Join(etc, "towns.prompt"):       "Where is {town}?",
		filepath.Join(state, "not-a-job.ndjson"): "",
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	job := func(name string, code int, env ...string) (stderr string) {
		t.Helper()
		cmd := exec.Command("services/cortex-host-job", name)
		cmd.Env = append(cleanEnv(dir), append(env, "OPENAI_API_KEY=sk-1", "OPENAI_BASE_URL="+vendor.URL()+"/v1",
			"CONFIGURATION_DIRECTORY="+etc, "STATE_DIRECTORY="+state)...)
		out, errs, _, got := timed(t, cmd)
		if got != code || out != "" {
			t.Fatalf("%s: exit code %d; want %d\n%s%s", name, got, code, out, errs)
		}
		return errs
	}
	// A token budget ends it in the middle; the next start goes on.
	job("night", 4, "CORTEX_MAX_TOTAL_TOKENS=160")
	if asked := vendor.Stats().Requests; asked == 0 || asked >= 5 {
		t.Fatalf("%d queries were asked before the budget was used up", asked)
	}
	log := job("night", 0)
	if !regexp.MustCompile(`"msg":"run ended","run":"[^"]+","answered":[1-4],`).MatchString(log) || regexp.MustCompile(`(?m)^[^{]`).MatchString(log) {
		t.Errorf("its log:\n%s", log)
	}
	if asked := vendor.Stats().Requests; asked != 5 {
		t.Errorf("the vendor was asked %d times; want 5", asked)
	}
	if log := job("night", 0); !strings.Contains(log, "is there already") || vendor.Stats().Requests != 5 {
		t.Errorf("done twice on a day:\n%s", log)
	}
	job("towns", 0)
	job("nothing", 2)
	for _, pattern := range []string{"night-*.ndjson", "night-*.html", "towns-*.ndjson"} {
		if found, _ := filepath.Glob(filepath.Join(state, pattern)); len(found) != 1 {
			t.Errorf("%s: %q", pattern, found)
		}
	}
}

// TestTheWorkflow runs the steps of the GitHub Actions example, but for the
// download, with what GitHub's runner would give them.
func TestTheWorkflow(t *testing.T) {
	t.Parallel()
	var workflow struct {
		On   map[string]any `yaml:"on"`
		Jobs map[string]struct {
			Steps []struct {
				Name, Uses, Run string
				Env             map[string]string
			}
		}
	}
	if err := yaml.Unmarshal([]byte(readFile(t, "services/github-actions.yml")), &workflow); err != nil {
		t.Fatal(err)
	}
	vendor := startVendor(t, upstream.Config{})
	dir := queryDir(t, 40)
	steps := 0
	for _, step := range workflow.Jobs["ask"].Steps {
		if step.Run == "" || step.Name == "Install" {
			continue
		}
		if _, err := exec.LookPath("jq"); err != nil && strings.Contains(step.Run, "jq ") {
			t.Log("SKIPPED: a step that needs jq, which is not installed")
			continue
		}
		if step.Env["OPENAI_API_KEY"] != "" && step.Env["OPENAI_API_KEY"] != "${{ secrets.OPENAI_API_KEY }}" {
			t.Error("the key is not a secret")
		}
		steps++
		// A price of the list would do; the mock vendor is in no list.
		run := strings.ReplaceAll(step.Run, "--max-cost 5 ", "--max-cost 5 --price 1,2 --max-tokens 100 ")
		cmd := exec.Command("bash", "-e", "-o", "pipefail", "-c", run)
		cmd.Dir = dir
		cmd.Env = append(cleanEnv(dir), "OPENAI_API_KEY=sk-1", "OPENAI_BASE_URL="+vendor.URL()+"/v1", "GITHUB_STEP_SUMMARY="+filepath.Join(dir, "step"))
		if out, errs, _, code := timed(t, cmd); code != 0 {
			t.Errorf("%s: exit code %d\n%s%s", step.Name, code, out, errs)
		}
	}
	if steps < 2 || workflow.On["schedule"] == nil {
		t.Errorf("%d steps", steps)
	}
	if asked := vendor.Stats().Requests; asked != 40 {
		t.Errorf("the vendor was asked %d times", asked)
	}
	readFile(t, filepath.Join(dir, "report.html"))
}

// TestUnderSystemd boots a systemd in namespaces of its own, has its timer start
// a job, stops one and starts it again: `make systemd`. It needs root.
func TestUnderSystemd(t *testing.T) {
	if os.Getenv("CORTEX_SYSTEMD") == "" {
		t.Skip("SKIPPED: no systemd is booted without CORTEX_SYSTEMD=1: `make systemd`")
	}
	dir, out := t.TempDir(), t.TempDir()
	lib, bin := filepath.Join(dir, "usr/local/lib"), filepath.Join(dir, "usr/local/bin")
	const services = "cmd/cortex-host/services/"
	for _, args := range [][]string{
		{"mkdir", "-p", bin, filepath.Join(lib, "systemd/system")},
		{"cp", "-r", layout, filepath.Join(lib, "cortex-host")},
		{"ln", "-s", "../lib/cortex-host/cortex-host", bin},
		{"install", "-m", "755", services + "cortex-host-job", bin},
		{"cp", services + "cortex-host@.service", services + "cortex-host@.timer", filepath.Join(lib, "systemd/system")},
		{"cp", "cmd/cortex-host/testdata/systemd/job.sh", dir},
		{"go", "build", "-buildvcs=false", "-o", filepath.Join(dir, "mockvendor"), "./sdk/provider/providertest/upstream/mockvendor"},
	} {
		if err := tool(repository, nil, args[0], args[1:]...); err != nil {
			t.Fatal(err)
		}
	}
	boot := exec.Command("bash", filepath.Join(repository, "cmd/cortex-host/testdata/systemd/boot.sh"), out)
	boot.Dir = dir
	said, err := boot.CombinedOutput()
	log, _ := os.ReadFile(filepath.Join(out, "log"))
	if err != nil || len(log) == 0 {
		t.Fatalf("no systemd could be booted: %v\n%s%s", err, said, log)
	}
	t.Logf("%s", log)
	for file, want := range map[string]string{
		"owner": ":600\n", "night.log": `"msg":"run ended"`, "long.log": `"msg":"stopped by SIGTERM`,
	} {
		got := readFile(t, filepath.Join(out, file))
		if !strings.Contains(got, want) || strings.Contains(got, "Failed with result") {
			t.Errorf("%s is %q, and has no %q, or a failure", file, got, want)
		}
	}
	rows := func(file string) int {
		ids := map[string]bool{}
		for _, r := range printed(t, readFile(t, filepath.Join(out, file))) {
			if !r.Success() || ids[r.QueryID] {
				t.Errorf("%s: %s failed or is there twice: %v", file, r.QueryID, r.Error)
			}
			ids[r.QueryID] = true
		}
		return len(ids)
	}
	if night, long, partial := rows("night.ndjson"), rows("long.ndjson"), rows("partial"); night != 20 || long != 100 || partial < 2 || partial > 98 {
		t.Errorf("%d rows by the timer, %d when the other job was stopped, %d at its end", night, partial, long)
	}
}
