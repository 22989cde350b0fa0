package wasm_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/core/wasm"
)

func harmless(t *testing.T) *wasm.Module {
	t.Helper()
	m, err := wasm.Parse("harmless", guest{data: []byte(goodQuery), bodies: [][]byte{write}}.build())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A broken entry costs one run, and old ones go.
func TestCacheMends(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	r, m := newRunner(t, wasm.Config{CacheDir: dir}), harmless(t)
	old := filepath.Join(dir, "new-left-behind")
	if err := os.Mkdir(old, 0o700); err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(old, long, long); err != nil {
		t.Fatal(err)
	}
	req := wasm.Request{Items: wasm.Texts("one")}
	if _, _, err := collect(r, m, req); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); !errors.Is(err, fs.ErrNotExist) {
		t.Error("what was left behind is still there")
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the cache is %v (%v)", info.Mode(), err)
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return os.WriteFile(path, []byte("broken"), 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := collect(r, m, req); err == nil {
		t.Error("a broken entry was used")
	}
	if _, _, err := collect(r, m, req); err != nil {
		t.Errorf("after the broken entry: %v", err)
	}
}

func TestCacheOfOthersIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := wasm.NewRunner(wasm.Config{CacheDir: dir}); err == nil {
		t.Error("a directory that everybody may write to was taken")
	}
}
