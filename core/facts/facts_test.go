package facts_test

import (
	"context"
	"encoding/json"
	"os/exec"
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
