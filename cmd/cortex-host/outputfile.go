package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/cortexlinux/cortex-host/core/format"
)

// follow returns what a path means: where a link points to, also if nothing is
// there yet. fd is the descriptor of this process that it means, as /dev/stdout
// does, else -1.
func follow(path string) (target string, fd int) {
	for range 40 { // as far as Linux goes
		if fd := descriptorOf(path); fd >= 0 {
			return path, fd
		}
		to, err := os.Readlink(path)
		if err != nil {
			break // no link
		}
		if !filepath.IsAbs(to) {
			dir, err := filepath.EvalSymlinks(filepath.Dir(path))
			if err != nil {
				break
			}
			to = filepath.Join(dir, to)
		}
		path = to
	}
	return path, -1
}

// descriptorOf returns the number in a name such as /dev/fd/3, -1 if the path is
// none.
func descriptorOf(path string) int {
	path = filepath.Clean(path)
	if fd := slices.Index([]string{"/dev/stdin", "/dev/stdout", "/dev/stderr"}, path); fd >= 0 {
		return fd
	}
	for _, dir := range []string{"/dev/fd/", "/proc/self/fd/", "/proc/thread-self/fd/", fmt.Sprintf("/proc/%d/fd/", os.Getpid())} {
		if rest, ok := strings.CutPrefix(path, dir); ok {
			if fd, err := strconv.ParseUint(rest, 10, 31); err == nil {
				return int(fd)
			}
		}
	}
	return -1
}

// isStream reports whether a path is something that is written to as it is: a
// device, a pipe or a file that is open already. A file of ours takes its place
// by being renamed over it, which would make an end of /dev/null.
func isStream(path string) bool {
	if path == "" {
		return false
	}
	target, fd := follow(path)
	if fd >= 0 {
		return true
	}
	info, err := os.Stat(target)
	return err == nil && !info.Mode().IsRegular() && !info.IsDir()
}

// openStream opens what isStream reports.
func openStream(path string) (*os.File, error) {
	target, fd := follow(path)
	if fd < 0 {
		return os.OpenFile(target, os.O_WRONLY, 0)
	}
	// One of this program's own, such as a plugin's, is nobody's business.
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	if err == nil && flags&unix.FD_CLOEXEC != 0 {
		err = unix.EBADF
	}
	own := -1
	if err == nil { // opening the name anew would write over what is in a regular file already
		own, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(own), path), nil
}

// openStreamFile opens a sink into a device or a pipe that -o names. As with
// stdout, nothing is kept of the run.
func openStreamFile(o *outputFlags, encoder format.Encoder) (sink, error) {
	if o.record.resume || o.record.newRun || o.errorPath != "" {
		return nil, usagef("name a file with -o", "%s is no regular file: a run into it is not recorded", o.path)
	}
	f, err := openStream(o.path)
	if err != nil {
		return nil, usagef("name what can be written to with -o", "cannot write the output: %w", err)
	}
	return &streamFile{newStreamSink(f, encoder), f}, nil
}

// A streamFile is a streamSink with a file to close.
type streamFile struct {
	*streamSink
	file *os.File
}

func (s *streamFile) finish(context.Context) error { return outputError(s.file.Close()) }
func (s *streamFile) abandon(string) error         { return outputError(s.file.Close()) }

// checkReplaceable finds out before a run whether replaceFile will be able to
// write a file after it.
func checkReplaceable(what, path string) error {
	if path == "" || path == "-" || isStream(path) {
		return nil
	}
	if isDir(path) {
		return usagef("name a file in it", "cannot write the %s: %s is a directory", what, path)
	}
	path, _ = follow(path)
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return usagef("name a file in a directory that is there and can be written to", "cannot write the %s: %w", what, err)
	}
	f.Close()
	return os.Remove(f.Name())
}

// unwrite takes back the n bytes that were written last: a full disk must not
// leave half a row, nor a hole before what somebody else writes there next. What is
// no regular file, or has grown meanwhile, keeps them.
func unwrite(to any, n int) {
	f, ok := to.(*os.File)
	if !ok || n == 0 {
		return
	}
	at, err := f.Seek(0, io.SeekCurrent)
	info, statErr := f.Stat()
	if err != nil || statErr != nil || !info.Mode().IsRegular() || info.Size() != at {
		return
	}
	if f.Truncate(at-int64(n)) == nil { // that the write failed is told already
		_, _ = f.Seek(-int64(n), io.SeekCurrent)
	}
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// replaceFile writes a file as a whole: nobody sees half of it. A device or a
// pipe is written to as it is, and a link goes on pointing to the file.
func replaceFile(path string, data []byte, mode os.FileMode) error {
	if isStream(path) {
		f, err := openStream(path)
		if err != nil {
			return err
		}
		if _, err := f.Write(data); err != nil {
			f.Close()
			return err
		}
		return f.Close()
	}
	path, _ = follow(path)
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails once it is renamed
	if err := f.Chmod(mode); err != nil {
		f.Close()
		return err
	}
	if _, err := f.Write(data); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
