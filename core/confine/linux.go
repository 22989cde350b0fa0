//go:build linux && (amd64 || arm64)

package confine

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const selfPath = "/proc/self/exe"

// Full says whether this platform can confine a child in full. Whether its
// kernel does is in the [Report].
const Full = true

// become confines this thread and executes the target, which then has only
// this thread.
func become(p Policy, target []string) error {
	runtime.LockOSThread()
	r := &Report{}
	offerToOOM(p, r)
	apply(p, target[0], r)
	if p.Strict {
		if err := r.failure(); err != nil {
			return err
		}
	}
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
func apply(p Policy, target string, r *Report) {
	limit(p, r)
	r.add("no_new_privs", unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "nothing it executes gains privileges")
	if p.NoChildren {
		r.add("capabilities", dropCapabilities(), "root's powers are gone too")
	}
	if p.Files || p.NoNetwork {
		landlock(p, target, r)
	}
	if p.NoNetwork || p.NoChildren || p.NoTracing {
		err := filterSyscalls(p)
		if p.NoNetwork && (err == nil || !r.Enforced("network")) {
			r.add("sockets", err, "no socket can be made")
		}
		if p.NoChildren {
			r.add("syscalls", err, "no processes, signals to others, debugging, mounts or io_uring")
		}
		if p.NoTracing {
			r.add("tracing", err, "no debugging, mounts, kernel keys or io_uring")
		}
	}
}

// limit applies the resource limits: the shim itself is small enough for them.
func limit(p Policy, r *Report) {
	set := func(name string, resource int, soft, hard uint64, detail string, args ...any) {
		err := unix.Setrlimit(resource, &unix.Rlimit{Cur: soft, Max: hard})
		r.add(name, err, fmt.Sprintf(detail, args...))
	}
	set("core", unix.RLIMIT_CORE, 0, 0, "no core dumps")
	if p.DataBytes > 0 {
		set("data", unix.RLIMIT_DATA, p.DataBytes, p.DataBytes, "%d MiB of memory", p.DataBytes>>20)
	}
	if p.CPU > 0 {
		// At the soft limit the kernel sends SIGXCPU, which Go programs ignore;
		// one second later, at the hard limit, it kills.
		seconds := uint64((p.CPU + time.Second - 1) / time.Second)
		set("cpu", unix.RLIMIT_CPU, seconds, seconds+1, "%d s of processor time", seconds)
	}
	if p.FileBytes > 0 {
		set("file_size", unix.RLIMIT_FSIZE, p.FileBytes, p.FileBytes, "%d MiB a file", p.FileBytes>>20)
	}
	if p.OpenFiles > 0 {
		// No more than there may be anyway: only root may raise the limit.
		files := p.OpenFiles
		var had unix.Rlimit
		if unix.Getrlimit(unix.RLIMIT_NOFILE, &had) == nil {
			files = min(files, had.Max)
		}
		set("open_files", unix.RLIMIT_NOFILE, files, files, "%d descriptors", files)
	}
}

// offerToOOM makes the kernel choose this process and its children first when
// memory runs out. It goes before [HideSelf]: files in /proc of a process that
// hides belong to root.
func offerToOOM(p Policy, r *Report) {
	if p.OOMScore > 0 {
		r.add("oom_score", os.WriteFile("/proc/self/oom_score_adj", strconv.AppendInt(nil, int64(p.OOMScore), 10), 0), fmt.Sprintf("%d, the kernel ends it first", p.OOMScore))
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
