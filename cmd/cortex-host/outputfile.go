package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cortexlinux/cortex-host/core/format"
)

// isStream reports whether a path is something that is written to as it is: a
// device or a pipe. A file of ours takes its place by being renamed over it,
// which would make an end of /dev/null.
func isStream(path string) bool {
	if path == "" {
		return false
	}
	info, err := os.Stat(path)
	return err == nil && !info.Mode().IsRegular() && !info.IsDir()
}

// openStreamFile opens a sink into a device or a pipe that -o names. As with
// stdout, nothing is kept of the run.
func openStreamFile(o *outputFlags, encoder format.Encoder) (sink, error) {
	if o.record.resume || o.record.newRun || o.errorPath != "" {
		return nil, usagef("name a file with -o", "%s is no regular file: a run into it is not recorded", o.path)
	}
	f, err := os.OpenFile(o.path, os.O_WRONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot write the output: %w", err)
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
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return usagef("name a file in a directory that is there and can be written to", "cannot write the %s: %w", what, err)
	}
	f.Close()
	return os.Remove(f.Name())
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// replaceFile writes a file as a whole: nobody sees half of it. A device or a
// pipe is written to as it is, and a link goes on pointing to the file.
func replaceFile(path string, data []byte, mode os.FileMode) error {
	if isStream(path) {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		if _, err := f.Write(data); err != nil {
			f.Close()
			return err
		}
		return f.Close()
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
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
