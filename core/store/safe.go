package store

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// othersWrite are the permissions that let others change a file or what is in a
// directory.
const othersWrite = 0o022

// safe says why a file must not be run or believed: it is a symbolic link, or
// others could have changed it.
func safe(path string) error {
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	if err != nil {
		return refuse(path, "%w", err)
	}
	if err := onlyOurs(dir, info); err != nil {
		return err
	}
	if info, err = os.Lstat(path); err != nil {
		return refuse(path, "%w", err)
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		return refuse(path, "it is a symbolic link; put the file itself there")
	}
	if err := onlyOurs(path, info); err != nil {
		return err
	}
	return runnable(path, info)
}

// onlyOurs refuses what others than this user and root can change.
func onlyOurs(path string, info fs.FileInfo) error {
	if info.Mode().Perm()&othersWrite != 0 {
		return refuse(path, "others can change it (mode %04o); chmod go-w %s", info.Mode().Perm(), path)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Uid != 0 && int(stat.Uid) != os.Geteuid() {
		return refuse(path, "it belongs to another user (uid %d); copy it, or chown it", stat.Uid)
	}
	return nil
}

// runnable refuses what cannot be executed.
func runnable(path string, info fs.FileInfo) error {
	switch {
	case !info.Mode().IsRegular():
		return refuse(path, "it is not a file")
	case info.Mode().Perm()&0o111 == 0:
		return refuse(path, "it is not executable; chmod +x %s", path)
	}
	return nil
}
