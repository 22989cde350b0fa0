//go:build linux && (amd64 || arm64)

package confine

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	landRead = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR |
		unix.LANDLOCK_ACCESS_FS_RESOLVE_UNIX // a socket is "read" by connecting to it
	landReadExec = landRead | unix.LANDLOCK_ACCESS_FS_EXECUTE
	landWrite    = landRead | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE |
		unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_SOCK |
		unix.LANDLOCK_ACCESS_FS_MAKE_SYM | unix.LANDLOCK_ACCESS_FS_MAKE_FIFO | unix.LANDLOCK_ACCESS_FS_REFER |
		unix.LANDLOCK_ACCESS_FS_REMOVE_FILE | unix.LANDLOCK_ACCESS_FS_REMOVE_DIR
	// landOnFile are the rights that make sense on a file.
	landOnFile = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE |
		unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV |
		unix.LANDLOCK_ACCESS_FS_RESOLVE_UNIX
)

// libraryPaths are what a dynamically linked executable needs to start.
var libraryPaths = []string{"/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache"}

// LandlockABI returns the kernel's Landlock version, 0 if it has none.
func LandlockABI() int {
	v, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(v)
}

// handled returns all that Landlock of this version can take away.
func handled(p Policy, abi int) unix.LandlockRulesetAttr {
	var attr unix.LandlockRulesetAttr
	if p.Files {
		attr.Handled_access_fs = unix.LANDLOCK_ACCESS_FS_REFER - 1
		if abi >= 2 {
			attr.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_REFER
		}
		if abi >= 3 {
			attr.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
		}
		if abi >= 5 {
			attr.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
		}
		if abi >= 9 { // sockets that were made under the same restriction stay in reach
			attr.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_RESOLVE_UNIX
		}
	}
	if p.NoNetwork && abi >= 4 {
		attr.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	if abi >= 6 {
		if p.NoNetwork {
			attr.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
		}
		if p.Files {
			attr.Scoped |= unix.LANDLOCK_SCOPE_SIGNAL | unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
		}
	}
	return attr
}

// landlock confines this thread, and what it executes, as far as this kernel
// can, and reports "files", "processes", "signals", "unix_sockets" and "network".
func landlock(p Policy, target string, r *Report) {
	r.LandlockABI = LandlockABI()
	if p.Landlock != 0 {
		r.LandlockABI = min(r.LandlockABI, max(0, p.Landlock))
	}
	attr := handled(p, r.LandlockABI)
	err := fmt.Errorf("this kernel has no Landlock%w", errMissing)
	if r.LandlockABI > 0 {
		err = restrict(p, target, attr)
	}
	detail := fmt.Sprintf("Landlock ABI %d", r.LandlockABI)
	// since is the error of a measure that came with a later version.
	since := func(abi int, what string) error {
		if err == nil && r.LandlockABI < abi {
			return fmt.Errorf("%s does not know %s, ABI %d does%w", detail, what, abi, errMissing)
		}
		return err
	}
	if p.Files {
		r.add("files", err, detail)
		r.add("processes", err, detail)
		r.add("signals", since(6, "signals"), detail)
		if !p.NoNetwork {
			r.add("unix_sockets", since(9, "Unix sockets with a path"), detail)
		}
	}
	if p.NoNetwork {
		r.add("network", since(4, "TCP"), detail)
	}
}

func restrict(p Policy, target string, attr unix.LandlockRulesetAttr) error {
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
	if errno != 0 {
		return fmt.Errorf("landlock_create_ruleset: %w", errno)
	}
	defer unix.Close(int(fd))
	allow := func(access uint64, required bool, paths ...string) error {
		for _, path := range paths {
			err := landlockAllow(int(fd), path, access&attr.Handled_access_fs)
			if errors.Is(err, unix.EBADFD) {
				continue // on no file system that anybody could name: not restricted
			}
			if err != nil && (required || !errors.Is(err, unix.ENOENT)) {
				return fmt.Errorf("landlock rule for %s: %w", path, err)
			}
		}
		return nil
	}
	if p.Files {
		libraries := libraryPaths
		if static(target) {
			libraries = nil
		}
		err := errors.Join(
			allow(landReadExec, true, target),
			allow(landReadExec, false, libraries...),
			allow(landRead, true, p.ReadPaths...),
			allow(landReadExec, true, p.ReadExecPaths...),
			allow(landWrite, true, p.WritePaths...))
		if err != nil {
			return err
		}
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); errno != 0 {
		return fmt.Errorf("landlock_restrict_self: %w", errno)
	}
	return nil
}

// landlockAllow adds one rule; a file gets the rights that files can have.
func landlockAllow(ruleset int, path string, access uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return err
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFDIR {
		access &= landOnFile
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: access, Parent_fd: int32(fd)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), unix.LANDLOCK_RULE_PATH_BENEATH,
		uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// static reports whether an executable needs no libraries to start.
func static(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	exe, err := elf.NewFile(f)
	if err != nil {
		return false
	}
	for _, prog := range exe.Progs {
		if prog.Type == elf.PT_INTERP {
			return false
		}
	}
	return true
}
