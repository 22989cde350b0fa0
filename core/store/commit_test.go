package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// If the lock file can't be put into its place, the program is what it was: the old
// one, or none. Otherwise a failed update would leave bytes that nobody vouches for,
// and a plugin that is refused.
func TestAFailedCommitBringsTheOldProgramBack(t *testing.T) {
	for _, old := range []string{"old", ""} {
		dir := t.TempDir()
		stage := filepath.Join(dir, stagePrefix+"1")
		program, final := filepath.Join(stage, "program"), filepath.Join(dir, Prefix+"acme")
		if err := os.Mkdir(stage, 0o700); err != nil {
			t.Fatal(err)
		}
		files := map[string]string{program: "new"}
		if old != "" {
			files[final] = old
		}
		for path, text := range files {
			if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		lock, err := readLock(dir)
		if err != nil {
			t.Fatal(err)
		}
		next, err := lock.write()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(next.path, "in the way"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := next.commitWith(program, final); err == nil || strings.Contains(err.Error(), "in its place") {
			t.Errorf("got %v", err)
		}
		switch text, err := os.ReadFile(final); {
		case old == "" && !os.IsNotExist(err):
			t.Errorf("there was nothing before, and now %q (%v)", text, err)
		case old != "" && string(text) != old:
			t.Errorf("the program is %q (%v)", text, err)
		}
	}
}

// Where a failed commit can't be undone, the error says what is there now.
func TestACommitThatCannotBeUndoneSaysSo(t *testing.T) {
	dir := t.TempDir()
	program, final := filepath.Join(dir, "program"), filepath.Join(dir, Prefix+"acme")
	for _, path := range []string{program, final, program + ".replaced"} { // the last is where a link would be
		if err := os.WriteFile(path, nil, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	next := &newLock{temp: filepath.Join(dir, "missing"), path: filepath.Join(dir, "lock")}
	if err := next.commitWith(program, final); err == nil || !strings.Contains(err.Error(), "install it again") || !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v", err)
	}
}
