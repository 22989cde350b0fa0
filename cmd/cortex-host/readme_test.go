package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

var shellBlock = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// Every command of the README works as it stands there, in one sitting: with a
// mock vendor in the place of the paid one, and a journal of two lines.
func TestREADME(t *testing.T) {
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(page), "\n"); n > 110 {
		t.Errorf("%d lines are more than a page", n)
	}
	var script strings.Builder
	commands := 0
	for _, block := range shellBlock.FindAllStringSubmatch(string(page), -1) {
		for line := range strings.Lines(block[1]) {
			if commands++; strings.HasPrefix(line, "make ") {
				// This test is part of make test; .ci/run runs both for real.
				makes(t, strings.Fields(line)[1])
				continue
			}
			script.WriteString(line)
		}
	}
	if commands < 10 {
		t.Fatalf("only %d commands were found in the README", commands)
	}
	dir := t.TempDir()
	s := startVendor(t, upstream.Config{})
	if err := os.Symlink(layout, filepath.Join(dir, "bin")); err != nil {
		t.Fatal(err)
	}
	const journal = "write error: No space left on device\nOut of memory: Killed process 812 (java)\n"
	for name, text := range map[string]string{
		"errors.log":       journal,
		"tools/journalctl": "#!/bin/sh\ncat '" + filepath.Join(dir, "errors.log") + "'\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	sh := exec.Command("sh", "-eux", "-c", script.String())
	sh.Dir = dir
	sh.Env = append(cleanEnv(filepath.Join(dir, "home")), "OPENAI_BASE_URL="+s.URL()+"/v1",
		"PATH="+filepath.Join(dir, "tools")+":"+os.Getenv("PATH"))
	out, errs, _, code := timed(t, sh)
	if code != 0 {
		t.Fatalf("exit %d\n%s%s", code, out, errs)
	}
	for name, want := range map[string]string{"answers.ndjson": "pkg_nginx", "diagnoses.ndjson": "err_", "summary.json": `"success_count": 2`} {
		if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !strings.Contains(string(data), want) {
			t.Errorf("%s: %v\n%s", name, err, data)
		}
	}
	if n := s.Stats().Requests; n != 4 {
		t.Errorf("the vendor was asked %d times; want 4\n%s", n, errs)
	}
}

// makes checks that there is a target of that name.
func makes(t *testing.T, target string) {
	t.Helper()
	cmd := exec.Command("make", "-n", target)
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("make %s: %v\n%s", target, err, out)
	}
}
