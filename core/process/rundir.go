package process

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	// runPrefix begins the names of run directories.
	runPrefix = "cortex-host-"
	// runLock is the file in one that its host keeps locked while it lives.
	runLock = "lock"
	// maxRunDir leaves room for the socket's name: the kernel takes 107 bytes.
	maxRunDir = 64
)

// A RunDir is the directory of one run's sockets, and holds its programs, which only this user can
// enter. It ends with Close; after a host that was killed, the next one removes
// it. It is safe for concurrent use.
type RunDir struct {
	path   string
	lock   *os.File
	images images
}

// OpenRunDir makes a run directory below base, and removes those there that
// killed hosts have left. An empty base is the first usual place that is short
// enough for a socket.
func OpenRunDir(base string) (*RunDir, error) {
	if base == "" {
		base = placeFor()
	}
	sweep(base)
	// Under another name until it is locked: a sweep of another host's must not
	// find it unlocked.
	path, err := os.MkdirTemp(base, "."+runPrefix)
	if err != nil {
		return nil, fmt.Errorf("no place for the plugins' sockets: %w", err)
	}
	d := &RunDir{path: path}
	if d.lock, err = os.OpenFile(filepath.Join(path, runLock), os.O_CREATE|os.O_RDWR, 0o600); err == nil {
		err = syscall.Flock(int(d.lock.Fd()), syscall.LOCK_EX)
	}
	if err == nil {
		d.path = filepath.Join(base, strings.TrimPrefix(filepath.Base(path), "."))
		err = os.Rename(path, d.path)
	}
	if err == nil && len(d.path) > maxRunDir {
		err = fmt.Errorf("the path %s is too long for a socket (%d bytes, at most %d); set TMPDIR to a shorter one", d.path, len(d.path), maxRunDir)
	}
	if err != nil {
		os.RemoveAll(path)
		d.Close()
		return nil, err
	}
	return d, nil
}

// Path returns where it is.
func (d *RunDir) Path() string { return d.path }

// Close removes it, with all that is in it.
func (d *RunDir) Close() error {
	err := removeRunDir(d.path)
	d.lock.Close() // nil is allowed
	return err
}

// removeRunDir removes a run directory under the name of one that is not born yet:
// what is left if this program is killed meanwhile, without its lock perhaps, is
// known to the next sweeps by that name.
func removeRunDir(path string) error {
	hidden := filepath.Join(filepath.Dir(path), "."+filepath.Base(path))
	if os.Rename(path, hidden) == nil {
		path = hidden
	}
	return os.RemoveAll(path)
}

// room makes the directory of one instance: its socket and its temporary files.
// No other plugin of the run can guess its name (65 bits), and a confined one
// cannot find it out.
func (d *RunDir) room() (string, error) {
	path := filepath.Join(d.path, strings.ToLower(rand.Text()[:13]))
	if err := os.Mkdir(path, 0o700); err != nil {
		return "", err
	}
	return path, os.Mkdir(filepath.Join(path, "tmp"), 0o700)
}

// placeFor returns where to make a run directory.
func placeFor() string {
	for _, dir := range []string{os.TempDir(), os.Getenv("XDG_RUNTIME_DIR"), "/tmp"} {
		if info, err := os.Stat(dir); dir != "" && len(dir) <= maxRunDir-len("/cortex-host-1234567890") && err == nil && info.IsDir() {
			return dir
		}
	}
	return os.TempDir()
}

// sweep removes the run directories of hosts that live no more. What cannot be
// removed is left to the next sweep.
func sweep(base string) {
	entries, err := os.ReadDir(base)
	if err != nil {
		return
	}
	for _, e := range entries {
		path := filepath.Join(base, e.Name())
		info, err := e.Info()
		if err != nil || !info.IsDir() || !ours(info) {
			continue
		}
		switch {
		case strings.HasPrefix(e.Name(), "."+runPrefix) && time.Since(info.ModTime()) > time.Hour:
			os.RemoveAll(path)
		case strings.HasPrefix(e.Name(), runPrefix) && abandoned(path):
			_ = removeRunDir(path) // the next sweep tries again
		}
	}
}

// ours reports whether a directory belongs to this user and to nobody else.
func ours(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid() && info.Mode().Perm() == 0o700
}

// abandoned reports whether a run directory has a lock that nobody holds.
func abandoned(path string) bool {
	f, err := os.OpenFile(filepath.Join(path, runLock), os.O_RDWR|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false // something else of that name
	}
	if err != nil {
		return false
	}
	defer f.Close()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}
