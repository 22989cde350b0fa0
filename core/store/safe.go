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

// safeAbove says why a plugin directory could be exchanged for another one: a
// directory above it, by its name or by where links lead, belongs to another user,
// or everybody may rename what is in it.
func safeAbove(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return refuse(dir, "%w", err)
	}
	for _, path := range []string{dir, real} {
		for path != filepath.Dir(path) {
			path = filepath.Dir(path)
			info, err := os.Stat(path)
			if err != nil {
				return refuse(dir, "%w", err)
			}
			if info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0 {
				return refuse(dir, "everybody can exchange what is in %s (mode %04o); chmod o-w %s", path, info.Mode().Perm(), path)
			}
			if uid, ok := stranger(info); ok {
				return refuse(dir, "%s, which is above it, belongs to another user (uid %d), who can exchange it", path, uid)
			}
		}
	}
	return nil
}

// overflowUID stands for every user that a container does not know, such as the
// owner of its root directory.
const overflowUID = 65534

// stranger returns the owner of a file who is neither this user nor root.
func stranger(info fs.FileInfo) (uid uint32, ok bool) {
	stat, isStat := info.Sys().(*syscall.Stat_t)
	if !isStat || stat.Uid == 0 || int(stat.Uid) == os.Geteuid() || stat.Uid == overflowUID {
		return 0, false
	}
	return stat.Uid, true
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
