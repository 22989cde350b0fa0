//go:build linux && (amd64 || arm64)

package confine

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// socketCalls are taken away by NoNetwork, tracingCalls by NoTracing and
// NoChildren.
var (
	socketCalls  = []uint32{unix.SYS_SOCKET, unix.SYS_SOCKETPAIR}
	tracingCalls = []uint32{
		unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_KCMP,
		unix.SYS_PIDFD_GETFD, unix.SYS_IO_URING_SETUP, unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN,
		unix.SYS_USERFAULTFD, unix.SYS_KEYCTL, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY,
		unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_CLONE3,
		unix.SYS_OPEN_TREE, unix.SYS_MOVE_MOUNT, unix.SYS_FSOPEN, unix.SYS_PERSONALITY,
		// They tell the names of new files in directories that Landlock hides.
		unix.SYS_INOTIFY_INIT1, unix.SYS_FANOTIFY_INIT,
	}
	// signalCalls are left to NoChildren for this process alone, which their
	// first argument names; execve keeps the number.
	signalCalls = []uint32{unix.SYS_KILL, unix.SYS_TGKILL, unix.SYS_RT_SIGQUEUEINFO, unix.SYS_RT_TGSIGQUEUEINFO}
	otherCalls  = []uint32{unix.SYS_PIDFD_SEND_SIGNAL, unix.SYS_TKILL}
)

// filterSyscalls installs a seccomp filter on this thread. A denied call fails
// with EPERM, clone3 with ENOSYS so that libraries fall back to clone.
func filterSyscalls(p Policy) error {
	const (
		nr, arch, arg0, arg2 = 0, 4, 16, 32 // offsets in struct seccomp_data (low half of the argument)
		allow                = unix.SECCOMP_RET_ALLOW
		deny                 = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
		missing              = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
	)
	load := func(at uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
	}
	// jump skips yes instructions if the test holds, else no.
	jump := func(test uint16, k uint32, yes, no uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | test | unix.BPF_K, K: k, Jt: yes, Jf: no}
	}
	ret := func(k uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: k} }

	prog := []unix.SockFilter{load(arch), jump(unix.BPF_JEQ, auditArch, 1, 0), ret(deny), load(nr)}
	prog = append(prog, otherTable...)
	calls := []uint32{}
	if p.NoNetwork {
		calls = append(calls, socketCalls...)
	}
	if p.NoChildren || p.NoTracing {
		calls = append(append(calls, tracingCalls...), oldTracing...)
	}
	if p.NoChildren {
		calls = append(append(calls, oldForks...), otherCalls...)
	}
	for _, call := range calls {
		verdict := deny
		if call == unix.SYS_CLONE3 {
			verdict = missing
		}
		prog = append(prog, jump(unix.BPF_JEQ, call, 0, 1), ret(verdict))
	}
	if p.NoChildren {
		self := uint32(os.Getpid())
		for _, call := range signalCalls {
			prog = append(prog, jump(unix.BPF_JEQ, call, 0, 4),
				load(arg0), jump(unix.BPF_JEQ, self, 0, 1), ret(allow), ret(deny))
		}
		prog = append(prog, jump(unix.BPF_JEQ, unix.SYS_PRLIMIT64, 0, 5), // 0 is this process too
			load(arg0), jump(unix.BPF_JEQ, self, 1, 0), jump(unix.BPF_JEQ, 0, 0, 1), ret(allow), ret(deny))
	}
	switch {
	case p.NoChildren: // clone makes threads only
		prog = append(prog,
			jump(unix.BPF_JEQ, unix.SYS_CLONE, 0, 3),
			load(arg0), jump(unix.BPF_JSET, unix.CLONE_THREAD, 1, 0), ret(deny))
	case p.NoTracing:
		prog = append(prog, // no socket lists the paths of everybody's sockets
			jump(unix.BPF_JEQ, unix.SYS_SOCKET, 0, 6),
			load(arg0), jump(unix.BPF_JEQ, unix.AF_NETLINK, 0, 3),
			load(arg2), jump(unix.BPF_JEQ, unix.NETLINK_SOCK_DIAG, 0, 1), ret(deny), ret(allow))
		prog = append(prog, // clone makes no user namespace, in which it would be root
			jump(unix.BPF_JEQ, unix.SYS_CLONE, 0, 3),
			load(arg0), jump(unix.BPF_JSET, unix.CLONE_NEWUSER, 0, 1), ret(deny))
	}
	prog = append(prog, ret(allow))
	fprog := unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]}
	err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&fprog)), 0, 0)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		return fmt.Errorf("this kernel has no system call filter%w", errMissing)
	}
	return err
}
