package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// LockName is the name of a plugin directory's lock file.
const LockName = "plugins.lock.json"

const (
	// lockVersion is the version of the lock file's format. An older one is
	// read by its rules, a newer one is refused.
	lockVersion = 1
	maxLock     = 4 << 20

	newLockPrefix = ".new-"
)

// A Lock is what a lock file says.
type Lock struct {
	// Version is that of the format.
	Version int `json:"version"`
	// Plugins are the installed plugins by name.
	Plugins map[string]Entry `json:"plugins"`

	path string
}

// An Entry is one installed plugin.
type Entry struct {
	// Version is the plugin's own.
	Version string `json:"version"`
	// Protocol is the version of the wire that it speaks.
	Protocol int `json:"protocol"`
	// Source is the file, directory or URL that it was installed from.
	Source string `json:"source"`
	// Installed is when.
	Installed time.Time `json:"installed"`
	// Platforms has a hash for each platform, such as linux/amd64.
	Platforms map[string]Hashes `json:"platforms"`
	// Uncovered is what runs with it and is not covered by the hash.
	Uncovered []string `json:"uncovered,omitempty"`
}

// Hashes are those of one platform's program, in hex.
type Hashes struct {
	// SHA256 is the program's. It is known where it was installed.
	SHA256 string `json:"sha256,omitempty"`
	// Archive is the file that it came in, and ArchiveSHA256 that file's hash
	// as the list of checksums says: an installation elsewhere must find it.
	Archive       string `json:"archive,omitempty"`
	ArchiveSHA256 string `json:"archive_sha256,omitempty"`
}

// Platform names this one, such as linux/amd64.
func Platform() string { return runtime.GOOS + "/" + runtime.GOARCH }

// readLock reads the lock file of a directory; none is an empty one.
func readLock(dir string) (*Lock, error) {
	l := &Lock{Version: lockVersion, Plugins: map[string]Entry{}, path: filepath.Join(dir, LockName)}
	f, err := os.OpenFile(l.path, os.O_RDONLY|openNonblock|openNoFollow, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return l, nil
	case errors.Is(err, syscall.ELOOP):
		return nil, refuse(l.path, "it is a symbolic link; put the file itself there")
	case err != nil:
		return nil, err
	}
	defer f.Close()
	// The open file is looked at, not its path, which may be another one by now.
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		return nil, refuse(l.path, "it is not a file")
	}
	if err == nil {
		err = onlyOurs(l.path, info)
	}
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxLock+1))
	if err != nil {
		return nil, err
	}
	if err := l.parse(data); err != nil {
		return nil, refuse(l.path, "%w", err)
	}
	return l, nil
}

// parse reads a lock file's text.
func (l *Lock) parse(data []byte) error {
	if len(data) > maxLock {
		return fmt.Errorf("it is larger than %d MiB", maxLock>>20)
	}
	var format struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &format); err != nil {
		return fmt.Errorf("it is damaged: %w; restore it, or remove it and install the plugins again", err)
	}
	switch {
	case format.Version > lockVersion:
		return fmt.Errorf("its format is version %d, this program reads up to %d; update cortex-host", format.Version, lockVersion)
	case format.Version < 1:
		return errors.New("it has no version of its format; restore it, or remove it and install the plugins again")
	}
	if err := json.Unmarshal(data, l); err != nil {
		return fmt.Errorf("it is damaged: %w; restore it, or remove it and install the plugins again", err)
	}
	for name, entry := range l.Plugins {
		if !ValidName(name) {
			return fmt.Errorf("it has a plugin of the impossible name %q", name)
		}
		for platform, hashes := range entry.Platforms {
			if (hashes.SHA256 != "" && !validHash(hashes.SHA256)) || (hashes.ArchiveSHA256 != "" && !validHash(hashes.ArchiveSHA256)) {
				return fmt.Errorf("the hash of %s for %s is not 64 digits of hex", name, platform)
			}
		}
	}
	if l.Plugins == nil {
		l.Plugins = map[string]Entry{}
	}
	return nil
}

// A newLock is a lock file that is written and has not its name yet: what may
// still go wrong with it is a rename.
type newLock struct{ temp, path string }

// write writes the lock file; [newLock.commit] puts it into its place in one step
// that survives a power loss, and discard, after that too, leaves nothing else.
func (l *Lock) write() (*newLock, error) {
	data, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return nil, err
	}
	temp, err := os.CreateTemp(filepath.Dir(l.path), newLockPrefix)
	if err != nil {
		return nil, err
	}
	n := &newLock{temp.Name(), l.path}
	_, err = temp.Write(append(data, '\n'))
	if err == nil {
		err = temp.Chmod(0o644)
	}
	if err == nil {
		err = temp.Sync()
	}
	if cerr := temp.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		n.discard()
		return nil, err
	}
	return n, nil
}

func (n *newLock) commit() error {
	if err := os.Rename(n.temp, n.path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(n.path))
}

// commitWith puts a program, which is alone in its directory, into its place and
// then the lock file, which vouches for it, into its own. If that fails, the
// program that was there before comes back.
func (n *newLock) commitWith(program, final string) error {
	aside := program + ".replaced"
	kept := os.Link(final, aside)
	if err := os.Rename(program, final); err != nil {
		return err
	}
	if err := os.Rename(n.temp, n.path); err != nil {
		undone := kept // not every file system has links
		switch {
		case kept == nil:
			undone = os.Rename(aside, final)
		case errors.Is(kept, fs.ErrNotExist):
			undone = os.Remove(final)
		}
		if undone != nil {
			return fmt.Errorf("%w; the new program is in its place all the same (%w): install it again", err, undone)
		}
		return err
	}
	if err := syncDir(filepath.Dir(n.path)); err != nil {
		return fmt.Errorf("it is installed, and may be lost if the power fails now: %w", err)
	}
	return nil
}

func (n *newLock) discard() { os.Remove(n.temp) }

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// validHash reports whether s is a SHA-256 in lower-case hex.
func validHash(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(s) == 64
}
