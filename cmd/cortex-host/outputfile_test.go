package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A file is replaced by renaming another one over it. What is no file must not
// be: root would be left without /dev/null.
func TestPipesAndDevicesAreWrittenToAsTheyAre(t *testing.T) {
	dir := t.TempDir()
	queries := queryFile(t, 2)
	for flag, want := range map[string]string{"-o": `"query_id":"q0"`, "--summary": `"success_count": 2`, "--report": "<!doctype html>"} {
		pipe := filepath.Join(dir, strings.TrimLeft(flag, "-"))
		if err := syscall.Mkfifo(pipe, 0o600); err != nil {
			t.Fatal(err)
		}
		// Opened for reading too, so that nobody waits for another end.
		r, err := os.OpenFile(pipe, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		read := make(chan string)
		go func() {
			var all strings.Builder
			buffer := make([]byte, 1<<20)
			for !strings.Contains(strings.ToLower(all.String()), want) {
				n, err := r.Read(buffer)
				if all.Write(buffer[:n]); err != nil {
					break
				}
			}
			for n := 1; n > 0; { // so that the writer is not held up
				r.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
				n, _ = r.Read(buffer)
			}
			read <- all.String()
		}()
		_, errs, _, code := timed(t, command(t, "batch", queries, "--provider", "simulator", flag, pipe))
		if code != 0 {
			t.Errorf("%s: exit %d\n%s", flag, code, errs)
			r.Close()
		}
		if got := <-read; !strings.Contains(strings.ToLower(got), want) {
			t.Errorf("%s: %q came through the pipe", flag, got)
		}
		if !isStream(pipe) {
			t.Errorf("%s: the pipe was replaced", flag)
		}
	}
	_, errs, _, code := timed(t, command(t, "batch", queries, "--provider", "simulator", "-o", filepath.Join(dir, "o"), "--resume"))
	if code != exitUsage || !strings.Contains(errs, "is no regular file") {
		t.Errorf("exit %d\n%s", code, errs)
	}
}

// A link goes on pointing to the file that is replaced.
func TestALinkStaysALink(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	if err := replaceFile(link, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != "new" {
		t.Errorf("%q, %v", data, err)
	}
	if _, err := os.Readlink(link); err != nil {
		t.Error("the link was replaced")
	}
}
