package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cortexlinux/cortex-host/core/store"
)

func put(t testing.TB, dir, name string, mode os.FileMode) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte("x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func TestListAndFind(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	put(t, first, "cortex-provider-b", 0o755)
	put(t, second, "cortex-provider-b", 0o755)
	put(t, second, "cortex-provider-a", 0o700)
	put(t, second, "cortex-provider-plain", 0o644)
	put(t, second, "cortex-provider-open", 0o777)
	put(t, second, "cortex-provider-Bad", 0o755)
	put(t, second, "other", 0o755)
	dirs := []string{filepath.Join(first, "missing"), first, second}
	all, err := store.List(dirs)
	want := []store.Plugin{{Name: "a", Path: filepath.Join(second, "cortex-provider-a")}, {Name: "b", Path: filepath.Join(first, "cortex-provider-b")}}
	if err != nil || fmt.Sprint(all) != fmt.Sprint(want) {
		t.Errorf("got %v, %v", all, err)
	}
	if p, err := store.Find(dirs, "b"); err != nil || p != want[1] {
		t.Errorf("got %v, %v", p, err)
	}
	for name, says := range map[string]string{"c": "there are a, b", "plain": "chmod +x", "open": "chmod o-w", "../x": "letters"} {
		if _, err := store.Find(dirs, name); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := store.Find(nil, "c"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestHash(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "cortex-provider-a", 0o755)
	p, err := store.Find([]string{dir}, "a")
	if err != nil {
		t.Fatal(err)
	}
	if h, err := p.Hash(); err != nil || h != "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881" {
		t.Errorf("got %s, %v", h, err)
	}
}

func ExampleFind() {
	_, err := store.Find(nil, "Open AI")
	fmt.Println(err)
	// Output: "Open AI": no such provider plugin: a name has letters a to z, digits and -
}
