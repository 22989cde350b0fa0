package facts_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cortexlinux/cortex-host/core/facts"
)

func TestMachineFactsAreObjects(t *testing.T) {
	c := facts.New(facts.Config{CacheDir: t.TempDir()})
	for _, name := range facts.Names() {
		raw, err := c.Machine(context.Background(), name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var v map[string]any
		if err := json.Unmarshal(raw, &v); err != nil {
			t.Errorf("%s is no object: %s", name, raw)
		}
		t.Logf("%s: %s", name, raw)
	}
	if _, err := c.Machine(context.Background(), "weather"); err == nil {
		t.Error("a fact that does not exist was collected")
	}
}

// The answers must agree with the machine's own tools.
func TestPackagesAgreeWithDpkg(t *testing.T) {
	out, err := exec.Command("dpkg-query", "-W", "-f=${Version}\t${Architecture}", "bash").Output()
	if err != nil {
		t.Skip("SKIPPED: no dpkg-query on this machine")
	}
	version, arch, _ := strings.Cut(string(out), "\t")
	dir := t.TempDir()
	for _, when := range []string{"first", "from the cache"} {
		c := facts.New(facts.Config{CacheDir: dir})
		known, err := c.Packages(context.Background(), []string{"bash", "no-such-package", "-evil", "bash*", ""})
		if err != nil {
			t.Fatal(err)
		}
		if len(known) != 1 {
			t.Errorf("%s: %d packages are known, want 1: %s", when, len(known), known)
		}
		var p facts.Package
		if err := json.Unmarshal(known["bash"], &p); err != nil {
			t.Fatal(err)
		}
		if p.Installed != version || p.Architecture != arch {
			t.Errorf("%s: %+v, dpkg says %s %s", when, p, version, arch)
		}
	}
}

// Package tools get no key, whatever is in the environment.
func TestToolsGetNoKeys(t *testing.T) {
	dir := t.TempDir()
	seen := filepath.Join(dir, "seen")
	for _, tool := range []string{"dpkg-query", "apt-cache", "dpkg", "rpm", "dnf", "yum", "apk", "pacman"} {
		if err := os.WriteFile(filepath.Join(dir, tool), []byte("#!/bin/sh\nenv >> '"+seen+"'\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("OPENAI_API_KEY", "sk-canary")
	if _, err := facts.New(facts.Config{CacheDir: "off"}).Packages(context.Background(), []string{"bash"}); err != nil {
		t.Fatal(err)
	}
	env, err := os.ReadFile(seen)
	if err != nil || !strings.Contains(string(env), "LC_ALL=C") {
		t.Fatalf("no tool was run: %v\n%s", err, env)
	}
	if strings.Contains(string(env), "canary") {
		t.Errorf("a tool was given a key:\n%s", env)
	}
}
