package store_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/cortexlinux/cortex-host/core/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// put writes a plugin's file.
func put(t testing.TB, dir, name, content string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(dir, store.Prefix+name)
	if err := os.WriteFile(path, []byte(content), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func hashOf(content string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(content))) }

// pluginDir is a directory that only this user can write to.
func pluginDir(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "plugins")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// lockOf writes a lock file that vouches for plugins by their hashes.
func lockOf(t testing.TB, dir string, hashes map[string]string) {
	t.Helper()
	lock := store.Lock{Version: 1, Plugins: map[string]store.Entry{}}
	for name, hash := range hashes {
		lock.Plugins[name] = store.Entry{Version: "1.0.0", Platforms: map[string]store.Hashes{store.Platform(): {SHA256: hash}}}
	}
	data, err := json.Marshal(lock)
	if err != nil {
		t.Fatal(err)
	}
	writeLock(t, dir, string(data))
}

func writeLock(t testing.TB, dir, text string) {
	t.Helper()
	path := filepath.Join(dir, store.LockName)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
}

func newStore(t testing.TB, cfg store.Config) *store.Store {
	t.Helper()
	s, err := store.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestListAndFind(t *testing.T) {
	first, second, third := pluginDir(t), pluginDir(t), pluginDir(t)
	lockOf(t, first, map[string]string{"b": hashOf("b1")})
	put(t, first, "b", "b1", 0o755)
	put(t, second, "b", "b2", 0o755)
	put(t, second, "a", "a", 0o700)
	put(t, second, "plain", "x", 0o644)
	put(t, second, "open", "x", 0o777)
	put(t, second, "Bad", "x", 0o755)
	put(t, second, "stranger", "x", 0o755)
	override := put(t, third, "dev", "x", 0o755)
	s := newStore(t, store.Config{
		Dirs:      []string{filepath.Join(first, "missing"), first, second},
		Bundled:   map[string]string{"a": hashOf("a"), "b": hashOf("b2"), "plain": hashOf("x"), "open": hashOf("x")},
		Overrides: map[string]string{"dev": override},
	})
	all, refused, err := s.List()
	want := []store.Plugin{
		{Name: "a", Path: filepath.Join(second, "cortex-provider-a"), Pin: store.Pin{By: store.ByBuild, SHA256: hashOf("a")}},
		{Name: "b", Path: filepath.Join(first, "cortex-provider-b"), Pin: store.Pin{By: store.ByLock, SHA256: hashOf("b1"), Version: "1.0.0"}},
		{Name: "dev", Path: override, Pin: store.Pin{By: store.ByOverride}},
	}
	if err != nil || fmt.Sprint(all) != fmt.Sprint(want) {
		t.Errorf("got %v, %v", all, err)
	}
	if len(refused) != 3 {
		t.Errorf("refused %v", refused)
	}
	for _, w := range want {
		if p, err := s.Find(w.Name); err != nil || p != w {
			t.Errorf("got %v, %v", p, err)
		}
	}
	for name, says := range map[string]string{"plain": "chmod +x", "open": "chmod go-w", "stranger": "--dev-plugin stranger="} {
		if _, err := s.Find(name); !errors.Is(err, store.ErrRefused) || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), second) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for name, says := range map[string]string{"c": "there are a, b", "../x": "letters"} {
		if _, err := s.Find(name); !errors.Is(err, store.ErrNotFound) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := newStore(t, store.Config{}).Find("c"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if _, err := store.New(store.Config{Overrides: map[string]string{"x": "relative"}}); err == nil {
		t.Error("a relative override")
	}
}

// Each way in which a file or its directory can be unsafe is refused, by name.
func TestUnsafePlaces(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(t *testing.T, dir, path string)
		says string
	}{
		{"group-writable file", func(t *testing.T, _, path string) { chmod(t, path, 0o775) }, "chmod go-w"},
		{"world-writable file", func(t *testing.T, _, path string) { chmod(t, path, 0o757) }, "chmod go-w"},
		{"group-writable directory", func(t *testing.T, dir, _ string) { chmod(t, dir, 0o775) }, "chmod go-w"},
		{"world-writable directory", func(t *testing.T, dir, _ string) { chmod(t, dir, 0o757) }, "chmod go-w"},
		{"world-writable directory with the sticky bit", func(t *testing.T, dir, _ string) { chmod(t, dir, 0o777|os.ModeSticky) }, "chmod go-w"},
		{"symbolic link", func(t *testing.T, dir, path string) {
			if err := os.Rename(path, filepath.Join(dir, "target")); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("target", path); err != nil {
				t.Fatal(err)
			}
		}, "symbolic link"},
		{"directory of that name", func(t *testing.T, _, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(path, 0o755); err != nil {
				t.Fatal(err)
			}
		}, "not a file"},
		{"not executable", func(t *testing.T, _, path string) { chmod(t, path, 0o644) }, "chmod +x"},
		{"another user's", func(t *testing.T, _, path string) {
			if os.Geteuid() != 0 {
				t.Skip("SKIPPED: only root can give a file away")
			}
			if err := os.Chown(path, 12345, 12345); err != nil {
				t.Fatal(err)
			}
		}, "another user"},
		{"writable lock file", func(t *testing.T, dir, _ string) { chmod(t, filepath.Join(dir, store.LockName), 0o666) }, store.LockName},
		{"lock file that is a link", func(t *testing.T, dir, _ string) {
			lock := filepath.Join(dir, store.LockName)
			if err := errors.Join(os.Rename(lock, lock+".real"), os.Symlink(lock+".real", lock)); err != nil {
				t.Fatal(err)
			}
		}, store.LockName},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := pluginDir(t)
			path := put(t, dir, "a", "content", 0o755)
			lockOf(t, dir, map[string]string{"a": hashOf("content")})
			s := newStore(t, store.Config{Dirs: []string{dir}})
			p, err := s.Find("a")
			if err != nil {
				t.Fatal(err)
			}
			c.make(t, dir, path)
			if _, err := s.Find("a"); !errors.Is(err, store.ErrRefused) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), dir) {
				t.Errorf("Find: got %v", err)
			}
			if found, refused, err := s.List(); len(found) != 0 || len(refused) != 1 || err != nil {
				t.Errorf("List: got %v, %v, %v", found, refused, err)
			}
			// What became unsafe after it was found is not loaded either.
			if image, err := p.Load(); !errors.Is(err, store.ErrRefused) && !strings.Contains(c.name, "lock") {
				t.Errorf("Load: got %v, %v", image, err)
			}
		})
	}
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// Each way in which a lock file can be wrong is refused, by name.
func TestLockFiles(t *testing.T) {
	for name, c := range map[string]struct{ text, says string }{
		"damaged":            {`{"version":1,"plugins":`, "damaged"},
		"empty":              {"", "damaged"},
		"newer":              {`{"version":2,"plugins":{"a":7}}`, "update cortex-host"},
		"no version":         {`{"plugins":{}}`, "no version"},
		"impossible name":    {`{"version":1,"plugins":{"../a":{}}}`, "impossible name"},
		"impossible hash":    {`{"version":1,"plugins":{"a":{"platforms":{"` + store.Platform() + `":{"sha256":"abc"}}}}}`, "64 digits"},
		"wrong type":         {`{"version":1,"plugins":["a"]}`, "damaged"},
		"no hash for here":   {`{"version":1,"plugins":{"a":{"version":"1.0.0","platforms":{"plan9/386":{"sha256":"` + hashOf("a") + `"}}}}}`, store.Platform()},
		"does not name it":   {`{"version":1,"plugins":{}}`, "provider install"},
		"hash of other bits": {`{"version":1,"plugins":{"a":{"version":"1.0.0","platforms":{"` + store.Platform() + `":{"sha256":"` + hashOf("b") + `"}}}}}`, "install it again"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := pluginDir(t)
			put(t, dir, "a", "a", 0o755)
			writeLock(t, dir, c.text)
			verdicts, err := newStore(t, store.Config{Dirs: []string{dir}}).Verify()
			if err != nil || len(verdicts) != 1 || !errors.Is(verdicts[0].Err, store.ErrRefused) || !strings.Contains(verdicts[0].Err.Error(), c.says) || !strings.Contains(verdicts[0].Err.Error(), dir) {
				t.Errorf("got %+v, %v", verdicts, err)
			}
		})
	}
}

func TestVerify(t *testing.T) {
	dir := pluginDir(t)
	put(t, dir, "good", "good", 0o755)
	put(t, dir, "script", "#!/usr/bin/env python3\nprint()\n", 0o755)
	lockOf(t, dir, map[string]string{"good": hashOf("good"), "script": hashOf("#!/usr/bin/env python3\nprint()\n"), "gone": hashOf("x")})
	s := newStore(t, store.Config{Dirs: []string{dir}})
	verdicts, err := s.Verify()
	if err != nil || len(verdicts) != 3 {
		t.Fatalf("got %+v, %v", verdicts, err)
	}
	if v := verdicts[0]; v.Err != nil || v.SHA256 != hashOf("good") || v.Held == "" {
		t.Errorf("got %+v", v)
	}
	if v := verdicts[1]; v.Err != nil || len(v.Uncovered) != 2 || !strings.Contains(v.Uncovered[0], "/usr/bin/env python3") || !strings.Contains(v.Uncovered[1], dir) {
		t.Errorf("got %+v", v)
	}
	if v := verdicts[2]; v.Err == nil || !strings.Contains(v.Err.Error(), "gone") || !strings.Contains(v.Err.Error(), "1.0.0") {
		t.Errorf("got %+v", v)
	}
	if v, err := s.Verify("good", "nobody"); err != nil || len(v) != 2 || v[0].Err == nil && v[1].Err == nil {
		t.Errorf("got %+v, %v", v, err)
	}
}

// What is loaded is what was hashed: a file that changes afterwards changes
// nothing, and what is loaded cannot be changed.
func TestLoadHolds(t *testing.T) {
	dir := pluginDir(t)
	path := put(t, dir, "a", "first", 0o755)
	lockOf(t, dir, map[string]string{"a": hashOf("first")})
	p, err := newStore(t, store.Config{Dirs: []string{dir}}).Find("a")
	if err != nil {
		t.Fatal(err)
	}
	image, err := p.Load()
	if err != nil {
		t.Fatal(err)
	}
	defer image.Close()
	if err := os.WriteFile(path, []byte("other"), 0o755); err != nil {
		t.Fatal(err)
	}
	if image.File == nil {
		t.Skip("SKIPPED: this system executes no file without a name; its directory's permissions must do")
	}
	held, err := io.ReadAll(io.NewSectionReader(image.File, 0, 100))
	if err != nil || string(held) != "first" {
		t.Errorf("got %q, %v", held, err)
	}
	if _, err := image.File.WriteAt([]byte("x"), 0); err == nil {
		t.Error("it can be written to")
	}
	if err := image.File.Truncate(0); err == nil {
		t.Error("it can be cut")
	}
	if _, err := p.Load(); !errors.Is(err, store.ErrRefused) || !strings.Contains(err.Error(), hashOf("other")) {
		t.Errorf("got %v", err)
	}
}

func TestHash(t *testing.T) {
	dir := pluginDir(t)
	path := put(t, dir, "a", "x", 0o755)
	for _, p := range []store.Plugin{{Name: "a", Path: path}, {Name: "a", Path: path, Pin: store.Pin{SHA256: hashOf("x")}}} {
		if h, err := p.Hash(); err != nil || h != hashOf("x") {
			t.Errorf("got %s, %v", h, err)
		}
	}
}

func ExampleStore_Find() {
	s, err := store.New(store.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = s.Find("Open AI")
	fmt.Println(err)
	// Output: "Open AI": no such provider plugin: a name has letters a to z, digits and -
}
