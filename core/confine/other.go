//go:build !(linux && (amd64 || arm64))

package confine

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

const selfPath = ""

// Full says whether this platform can confine a child in full. This one has
// resource limits, and nothing else.
const Full = false

var errPlatform = fmt.Errorf("not on this platform%w", errMissing)

// HideSelf does nothing on this platform.
func HideSelf() error { return nil }

// LandlockABI returns the kernel's Landlock version, 0 if it has none.
func LandlockABI() int { return 0 }

// become applies the resource limits that this platform has and executes the
// target.
func become(p Policy, target []string) error {
	var r Report
	set := func(name string, resource int, value uint64) {
		r.add(name, syscall.Setrlimit(resource, &syscall.Rlimit{Cur: value, Max: value}), "")
	}
	set("core", syscall.RLIMIT_CORE, 0)
	if p.DataBytes > 0 {
		set("data", syscall.RLIMIT_DATA, p.DataBytes)
	}
	if p.CPU > 0 {
		set("cpu", syscall.RLIMIT_CPU, uint64((p.CPU+time.Second-1)/time.Second))
	}
	if p.FileBytes > 0 {
		set("file_size", syscall.RLIMIT_FSIZE, p.FileBytes)
	}
	if p.OpenFiles > 0 {
		set("open_files", syscall.RLIMIT_NOFILE, p.OpenFiles)
	}
	r.add("no_new_privs", errPlatform, "")
	if p.Files {
		r.add("files", errPlatform, "")
		r.add("processes", errPlatform, "")
		r.add("signals", errPlatform, "")
		if !p.NoNetwork {
			r.add("unix_sockets", errPlatform, "")
		}
	}
	if p.NoTracing {
		r.add("tracing", errPlatform, "")
	}
	if p.NoNetwork {
		r.add("network", errPlatform, "")
	}
	if p.NoChildren {
		r.add("syscalls", errPlatform, "")
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

func setProcAttr(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
}

func maxRSS(state *os.ProcessState) int64 {
	if u, ok := state.SysUsage().(*syscall.Rusage); ok {
		return int64(u.Maxrss)
	}
	return 0
}

// supervise cannot find descendants here: the target takes its place.
func supervise(p Policy, target []string) int {
	p.Supervise = false
	return run(p, target)
}

func supervised(*exec.Cmd) bool { return false }

// newLink is for supervisors.
func newLink() (*link, *os.File, error) { return nil, nil, errPlatform }

func (*link) cut() error { return errPlatform }
