package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// A Disk is every operation on files that the journal performs. [OSDisk] is
// the real one; tests put one in its place that loses power, fills up or
// vanishes.
//
// It promises what a disk promises, which is little: what was written is there
// after a power loss only if [File] Sync returned nil after it, a name only if
// SyncDir of its directory did.
type Disk interface {
	// Open opens a file. A new file is readable by its owner alone; the
	// content of an old one is left alone. A device, a pipe, a link and a
	// directory are [ErrNoFile].
	Open(name string, mode Mode) (File, error)
	// Rename moves a file. With replace false an existing target is an error
	// that is [fs.ErrExist].
	Rename(from, to string, replace bool) error
	// Remove deletes a file or an empty directory.
	Remove(name string) error
	// MkdirAll makes a directory and its parents, for their owner alone.
	MkdirAll(dir string) error
	// ReadDir returns the names in a directory, sorted.
	ReadDir(dir string) ([]string, error)
	// SyncDir makes the names in a directory durable.
	SyncDir(dir string) error
	// Lock takes the lock of an existing file without waiting. A lock that
	// someone else holds is [ErrLocked]. Closing gives it back, and so does
	// the death of the process.
	Lock(name string) (io.Closer, error)
}

// A File is an open file of a [Disk].
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Size is the present length.
	Size() (int64, error)
	// Truncate cuts or extends to size.
	Truncate(size int64) error
	// Sync makes the content durable.
	Sync() error
}

// Mode says how [Disk] Open opens a file.
type Mode int

// The modes.
const (
	// OpenRead opens an existing file for reading.
	OpenRead Mode = iota
	// OpenWrite opens an existing file for reading and writing.
	OpenWrite
	// OpenCreate is OpenWrite that makes the file if it is missing.
	OpenCreate
	// OpenNew is OpenCreate that fails with [fs.ErrExist] if it is not.
	OpenNew
)

// ErrLocked says that another process holds the lock.
var ErrLocked = errors.New("locked by another process")

// ErrNoFile says that a name is taken by something that is no regular file.
var ErrNoFile = errors.New("no regular file")

// OSDisk is the disk of the operating system.
type OSDisk struct{}

var _ Disk = OSDisk{}

var osFlags = map[Mode]int{
	OpenRead:   os.O_RDONLY,
	OpenWrite:  os.O_RDWR,
	OpenCreate: os.O_RDWR | os.O_CREATE,
	OpenNew:    os.O_RDWR | os.O_CREATE | os.O_EXCL,
}

// Open implements [Disk]. What is no regular file is not opened: a pipe would
// wait for its other end, and a link that somebody has left lead elsewhere.
func (OSDisk) Open(name string, mode Mode) (File, error) {
	if info, err := os.Lstat(name); err == nil && !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: ErrNoFile}
	}
	f, err := os.OpenFile(name, osFlags[mode], 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// Remove implements [Disk].
func (OSDisk) Remove(name string) error { return os.Remove(name) }

// MkdirAll implements [Disk].
func (OSDisk) MkdirAll(dir string) error { return os.MkdirAll(dir, 0o700) }

// ReadDir implements [Disk].
func (OSDisk) ReadDir(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, err
}

// SyncDir implements [Disk]. Some file systems refuse to sync a directory;
// they have no weaker promise to fall back to, so that is no error.
func (OSDisk) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}

// Lock implements [Disk] by flock.
func (OSDisk) Lock(name string) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s: %w", name, ErrLocked)
		}
		return nil, &fs.PathError{Op: "lock", Path: name, Err: err}
	}
	return f, nil
}

type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// renameChecked is Rename without replacing for file systems that cannot do
// both in one step: a file made between the check and the rename is lost.
func renameChecked(from, to string) error {
	if _, err := os.Lstat(to); err == nil {
		return &fs.PathError{Op: "rename", Path: to, Err: fs.ErrExist}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Rename(from, to)
}

// makeDir makes a directory with the parents that are missing, durably.
func makeDir(d Disk, dir string) error {
	var parents []string
	for p := dir; !exists(d, p) && p != filepath.Dir(p); p = filepath.Dir(p) {
		parents = append(parents, filepath.Dir(p))
	}
	if err := d.MkdirAll(dir); err != nil {
		return err
	}
	for _, parent := range parents {
		if err := d.SyncDir(parent); err != nil {
			return err
		}
	}
	return nil
}

// removeDurably removes a file that may be there.
func removeDurably(d Disk, name string) error {
	if err := d.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return d.SyncDir(filepath.Dir(name))
}

// renameDurably renames and makes the new name durable.
func renameDurably(d Disk, from, to string, replace bool) error {
	if err := d.Rename(from, to, replace); err != nil {
		return err
	}
	return d.SyncDir(filepath.Dir(to))
}
