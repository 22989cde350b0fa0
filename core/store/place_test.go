package store_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/core/store"
)

// A plugin directory that somebody else could exchange as a whole is no place
// for a lock file; what came with the program is judged by its hash alone.
func TestDirectoriesAbove(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(t *testing.T, above string)
		says string
	}{
		{"open to everybody", func(t *testing.T, above string) { chmod(t, above, 0o777) }, "everybody can exchange what is in "},
		{"open to everybody, sticky", func(t *testing.T, above string) { chmod(t, above, 0o777|os.ModeSticky) }, ""},
		{"open to the group", func(t *testing.T, above string) { chmod(t, above, 0o775) }, ""},
		{"another user's", func(t *testing.T, above string) {
			if os.Geteuid() != 0 {
				t.Skip("SKIPPED: only root can give a directory away")
			}
			if err := os.Chown(above, 12345, 12345); err != nil {
				t.Fatal(err)
			}
		}, "belongs to another user (uid 12345)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			above := t.TempDir()
			dir := filepath.Join(above, "between", "plugins")
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			link := filepath.Join(t.TempDir(), "link")
			if err := os.Symlink(dir, link); err != nil {
				t.Fatal(err)
			}
			put(t, dir, "a", "content", 0o755)
			put(t, dir, "built", "content", 0o755)
			lockOf(t, dir, map[string]string{"a": hashOf("content")})
			c.make(t, above)
			for _, dir := range []string{dir, link} {
				s := newStore(t, store.Config{Dirs: []string{dir}, Bundled: map[string]string{"built": hashOf("content")}})
				_, err := s.Find("a")
				if (err != nil) != (c.says != "") || err != nil && (!errors.Is(err, store.ErrRefused) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), above)) {
					t.Errorf("Find: got %v", err)
				}
				if _, err := s.Find("built"); err != nil {
					t.Errorf("what the build vouches for: %v", err)
				}
				_, err = s.Install(t.Context(), store.Request{Source: makeRelease(t, "1.2.0", "program").dir, Dir: dir, Describe: says("acme", "1.2.0")})
				if (err != nil) != (c.says != "") || err != nil && !strings.Contains(err.Error(), c.says) {
					t.Errorf("Install: got %v", err)
				}
			}
		})
	}
}

// An installation waits for another one as long as its caller does.
func TestAnInstallationWaitsForAnother(t *testing.T) {
	dir, s := target(t)
	first, goOn, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	source := makeRelease(t, "1.2.0", "program").dir
	go func() {
		_, err := s.Install(context.Background(), store.Request{Source: source, Dir: dir, Describe: func(ctx context.Context, p store.Plugin) (store.Identity, error) {
			close(first)
			<-goOn
			return says("acme", "1.2.0")(ctx, p)
		}})
		done <- err
	}()
	<-first
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := s.Install(ctx, store.Request{Source: source, Dir: dir, Describe: says("acme", "1.2.0")})
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "another installation into "+dir) || time.Since(began) > 5*time.Second {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
	if err := s.Remove(ctx, dir, "acme"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("remove: %v", err)
	}
	close(goOn)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(t.Context(), dir, "acme"); err != nil {
		t.Error(err)
	}
}

// What an installation that was killed has left, the next one removes.
func TestRemainsOfAKilledInstallation(t *testing.T) {
	dir, s := target(t)
	if err := os.MkdirAll(filepath.Join(dir, ".install-123", "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, ".new-123"), []byte("{"))
	if _, err := s.Install(t.Context(), store.Request{Source: makeRelease(t, "1.2.0", "program").dir, Dir: dir, Describe: says("acme", "1.2.0")}); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".[in]*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// A lock file that cannot be written, on a full disk say, leaves the plugin that
// was there, and its pin.
func TestNoRoomForTheLockFile(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: for Linux")
	}
	if os.Getenv("TEST_SMALL_FILES") == "" { // in a process of its own: the limit is for all of it
		child := exec.Command(os.Args[0], "-test.run=^TestNoRoomForTheLockFile$")
		child.Env = append(os.Environ(), "TEST_SMALL_FILES=1")
		if out, err := child.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		return
	}
	dir, s := target(t)
	if _, err := s.Install(t.Context(), store.Request{Source: makeRelease(t, "1.2.0", "program").dir, Dir: dir, Describe: says("acme", "1.2.0")}); err != nil {
		t.Fatal(err)
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	_, err := s.Install(t.Context(), store.Request{Source: makeRelease(t, "1.3.0", "altered").dir, Dir: dir, Describe: func(ctx context.Context, p store.Plugin) (store.Identity, error) {
		id, err := says("acme", "1.3.0")(ctx, p)
		return id, errors.Join(err, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 10, Max: limit.Max}))
	}})
	if limitErr := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); limitErr != nil {
		t.Fatal(limitErr)
	}
	if !errors.Is(err, syscall.EFBIG) {
		t.Fatalf("got %v", err)
	}
	found, err := s.Verify()
	if err != nil || len(found) != 1 || found[0].Err != nil || found[0].Plugin.Pin.Version != "1.2.0" {
		t.Errorf("%+v, %v", found, err)
	}
}

// A pipe in the place of a list of checksums makes nobody wait.
func TestAPipeInTheDirectory(t *testing.T) {
	dir, s := target(t)
	source := t.TempDir()
	put(t, source, "acme", "program", 0o755)
	if err := syscall.Mkfifo(filepath.Join(source, "SHA256SUMS"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Install(t.Context(), store.Request{Source: source, Dir: dir, Describe: says("acme", "1.2.0")}); err == nil || !strings.Contains(err.Error(), "SHA256SUMS: it is not a file") {
		t.Errorf("got %v", err)
	}
}
