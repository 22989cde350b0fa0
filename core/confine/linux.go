//go:build linux && (amd64 || arm64)

package confine

import (
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const selfPath = "/proc/self/exe"

// become confines this thread and executes the target, which then has only
// this thread.
func become(p Policy, target []string) error {
	runtime.LockOSThread()
	r := apply(p, target[0])
	env := os.Environ()
	if p.Report {
		var err error
		if env, err = r.env(env); err != nil {
			return err
		}
	}
	return syscall.Exec(target[0], target, env)
}

// apply confines this thread and what it starts from now on; the resource
// limits are the whole process's.
func apply(p Policy, target string) *Report {
	r := &Report{}
	limit(p, r)
	r.add("no_new_privs", unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "")
	if p.Files || p.NoNetwork {
		landlock(p, target, r)
	}
	if p.NoNetwork || p.NoChildren || p.NoTracing {
		err := filterSyscalls(p)
		if p.NoNetwork && (err == nil || !r.Enforced("network")) {
			r.add("sockets", err, "no socket can be made")
		}
		if p.NoChildren {
			r.add("syscalls", err, "no processes, debugging, mounts or io_uring")
		}
		if p.NoTracing {
			r.add("tracing", err, "no debugging, mounts, kernel keys or io_uring")
		}
	}
	return r
}

// limit applies the resource limits: the shim itself is small enough for them.
func limit(p Policy, r *Report) {
	set := func(name string, resource int, soft, hard uint64) {
		err := unix.Setrlimit(resource, &unix.Rlimit{Cur: soft, Max: hard})
		r.add(name, err, "")
	}
	set("core", unix.RLIMIT_CORE, 0, 0)
	if p.DataBytes > 0 {
		set("data", unix.RLIMIT_DATA, p.DataBytes, p.DataBytes)
	}
	if p.CPU > 0 {
		// At the soft limit the kernel sends SIGXCPU, which Go programs ignore;
		// one second later, at the hard limit, it kills.
		seconds := uint64((p.CPU + time.Second - 1) / time.Second)
		set("cpu", unix.RLIMIT_CPU, seconds, seconds+1)
	}
	if p.FileBytes > 0 {
		set("file_size", unix.RLIMIT_FSIZE, p.FileBytes, p.FileBytes)
	}
	if p.OpenFiles > 0 {
		// No more than there may be anyway: only root may raise the limit.
		files := p.OpenFiles
		var had unix.Rlimit
		if unix.Getrlimit(unix.RLIMIT_NOFILE, &had) == nil {
			files = min(files, had.Max)
		}
		set("open_files", unix.RLIMIT_NOFILE, files, files)
	}
	if p.OOMScore > 0 {
		r.add("oom_score", os.WriteFile("/proc/self/oom_score_adj", strconv.AppendInt(nil, int64(p.OOMScore), 10), 0), "")
	}
}

// HideSelf keeps other processes of this user from reading this one's memory
// and environment, and the kernel from dumping them. Root still can.
func HideSelf() error { return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }

func setProcAttr(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	if supervised(cmd) { // it has to end others first
		cmd.SysProcAttr.Pdeathsig = syscall.SIGTERM
	}
}

func maxRSS(state *os.ProcessState) int64 {
	if u, ok := state.SysUsage().(*syscall.Rusage); ok {
		return u.Maxrss << 10
	}
	return 0
}

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
	}
)

// filterSyscalls installs a seccomp filter on this thread. A denied call fails
// with EPERM, clone3 with ENOSYS so that libraries fall back to clone.
func filterSyscalls(p Policy) error {
	const (
		nr, arch, arg0 = 0, 4, 16 // offsets in struct seccomp_data (low half of the argument)
		allow          = unix.SECCOMP_RET_ALLOW
		deny           = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
		missing        = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
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
		calls = append(calls, tracingCalls...)
	}
	if p.NoChildren {
		calls = append(calls, oldForks...)
	}
	for _, call := range calls {
		verdict := deny
		if call == unix.SYS_CLONE3 {
			verdict = missing
		}
		prog = append(prog, jump(unix.BPF_JEQ, call, 0, 1), ret(verdict))
	}
	switch {
	case p.NoChildren: // clone makes threads only
		prog = append(prog,
			jump(unix.BPF_JEQ, unix.SYS_CLONE, 0, 3),
			load(arg0), jump(unix.BPF_JSET, unix.CLONE_THREAD, 1, 0), ret(deny))
	case p.NoTracing: // clone makes no user namespace, in which it would be root
		prog = append(prog,
			jump(unix.BPF_JEQ, unix.SYS_CLONE, 0, 3),
			load(arg0), jump(unix.BPF_JSET, unix.CLONE_NEWUSER, 0, 1), ret(deny))
	}
	prog = append(prog, ret(allow))
	fprog := unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]}
	return unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&fprog)), 0, 0)
}
