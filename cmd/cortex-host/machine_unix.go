//go:build linux || darwin

package main

import "golang.org/x/sys/unix"

// roomOf returns how many bytes this user may still write to the disk of path.
func roomOf(path string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * int64(s.Bsize), nil //nolint:unconvert // its type is not the same on every platform
}

// openFiles returns how many files this process may open.
func openFiles() (uint64, error) {
	var l unix.Rlimit
	err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l)
	return l.Cur, err
}
