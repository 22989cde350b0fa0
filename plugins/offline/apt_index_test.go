package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// apt's own index is used if it is newer than what it was made of; else one in
// a directory of this user's.
func TestIndexOptions(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	m, tools, _ := readMachine(t, "machine-apt.txtar")
	tools.outputs["apt-cache "+strings.Join([]string{"-o", "Dir::Cache::pkgcache=" + cache + "/cortex-host/offline-apt/pkgcache.bin", "-o", "Dir::Cache::srcpkgcache=", "policy", "--", "dpkg"}, " ")] = output{}
	if got := m.indexOptions(t.Context()); got != nil || len(tools.asked) > 0 {
		t.Errorf("without package_cache: %q, asked %v", got, tools.asked)
	}
	m.packageCache = true
	got := m.indexOptions(t.Context())
	if len(got) != 4 || !strings.HasPrefix(got[1], "Dir::Cache::pkgcache="+cache) || len(tools.asked) != 1 || len(tools.alien) > 0 {
		t.Errorf("got %q, asked %v", got, tools.asked)
	}
	place(t, m.root, aptIndex, func(path string) error { return writeFile(path, "x") })
	m.touch(t, aptIndex)
	if got := m.indexOptions(t.Context()); got != nil {
		t.Errorf("with an index of the system: %q", got)
	}
}

func TestOwnIndexIsNobodyElses(t *testing.T) {
	m := &machine{settings: settings{packageCache: true}}
	for name, c := range map[string]struct {
		prepare func(dir string) error
		fine    bool
	}{
		"new":              {func(string) error { return nil }, true},
		"there already":    {func(dir string) error { return os.MkdirAll(dir, 0o700) }, true},
		"others may write": {func(dir string) error { return os.Chmod(mkdir(dir), 0o777) }, false},
		"a link": {func(dir string) error {
			return os.Symlink(os.TempDir(), filepath.Join(mkdir(filepath.Dir(dir)), filepath.Base(dir)))
		}, false},
		"a file": {func(dir string) error {
			return writeFile(filepath.Join(mkdir(filepath.Dir(dir)), filepath.Base(dir)), "x")
		}, false},
	} {
		cache := t.TempDir()
		t.Setenv("XDG_CACHE_HOME", cache)
		if err := c.prepare(filepath.Join(cache, "cortex-host", "offline-apt")); err != nil {
			t.Fatal(err)
		}
		if got := m.ownIndex(); (got != "") != c.fine {
			t.Errorf("%s: %q", name, got)
		}
	}
	t.Setenv("XDG_CACHE_HOME", filepath.Join(t.TempDir(), `a"; reboot`))
	if got := m.ownIndex(); got != "" {
		t.Errorf("a directory with a quote in its name: %q", got)
	}
}

func mkdir(dir string) string {
	_ = os.MkdirAll(dir, 0o700)
	return dir
}
