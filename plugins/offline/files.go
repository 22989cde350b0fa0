package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// path is where a file of the machine is.
func (m *machine) path(name string) string { return filepath.Join(m.root, name) }

// read returns the beginning of a file, at most max bytes, or nothing.
func (m *machine) read(name string, max int64) string {
	f, err := os.Open(m.path(name))
	if err != nil {
		return ""
	}
	defer f.Close()
	data, _ := io.ReadAll(io.LimitReader(f, max)) // what could be read is what is known
	return string(data)
}

// word returns a file of one value, such as those in /sys, or nothing.
func (m *machine) word(name string) string { return strings.TrimSpace(m.read(name, 4096)) }

// modified returns when a file was last written; zero if it is not there.
func (m *machine) modified(name string) time.Time {
	info, err := os.Stat(m.path(name))
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// hasContent reports whether a file or a directory is there and not empty.
func (m *machine) hasContent(name string) bool {
	info, err := os.Stat(m.path(name))
	if err != nil {
		return false
	}
	if info.IsDir() {
		return len(m.list(name)) > 0
	}
	return info.Size() > 0
}

// list returns the names in a directory, in order.
func (m *machine) list(name string) []string {
	f, err := os.Open(m.path(name))
	if err != nil {
		return nil
	}
	defer f.Close()
	all, _ := f.Readdirnames(maxEntries)
	slices.Sort(all)
	return all
}

// maxEntries bounds how much of a directory is looked at.
const maxEntries = 100_000

// link returns the last element of a symbolic link's target, or nothing.
func (m *machine) link(name string) string {
	target, err := os.Readlink(m.path(name))
	if err != nil {
		return ""
	}
	return filepath.Base(target)
}

// state is a stamp of files: it changes when one of them does.
func (m *machine) state(files ...string) string {
	var b strings.Builder
	for _, name := range files {
		if info, err := os.Stat(m.path(name)); err == nil {
			fmt.Fprintf(&b, "%d/%d ", info.ModTime().UnixNano(), info.Size())
		} else {
			b.WriteString("- ")
		}
	}
	return b.String()
}

// latest returns the latest of times.
func latest(times ...time.Time) time.Time {
	var last time.Time
	for _, t := range times {
		if t.After(last) {
			last = t
		}
	}
	return last
}

// canonical makes one spelling of the two that a path has where /bin is a link
// to /usr/bin.
func canonical(path string) string {
	for _, dir := range [...]string{"/bin/", "/sbin/", "/lib/", "/lib64/", "/lib32/"} {
		if strings.HasPrefix(path, dir) {
			return "/usr" + path
		}
	}
	return path
}

// parseUint reads a number; what is none is 0.
func parseUint(s string) uint64 {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
