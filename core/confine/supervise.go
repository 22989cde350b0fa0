//go:build linux && (amd64 || arm64)

package confine

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// supervise runs the target as a child of this process, under the policy, and
// ends everything that descends from it when it ends, when the program dies or
// when told to by SIGTERM. It returns the target's status.
//
// Orphans among the target's descendants become children of this process,
// which is how it finds them. It dies last: the kernel turns the death of the
// program into a SIGTERM for it (see setProcAttr), and its own death into a
// SIGKILL for the target.
func supervise(p Policy, target []string) int {
	p.Supervise = false
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	signal.Ignore(syscall.SIGINT, syscall.SIGHUP)
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	cmd, err := command(nil, p, target)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return statusBroken
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.ExtraFiles = inheritedFiles()
	child, err := Start(cmd)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return statusExec
	}
	select {
	case <-stop:
		child.Kill()
	case <-child.Done():
	}
	exit, err := child.Exit()
	killDescendants(2 * time.Second)
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		return statusBroken
	case exit.Status < 0:
		return 128
	}
	return exit.Status
}

// inheritedFiles returns the descriptors from 3 on that the program handed
// down: those without the close-on-exec flag, up to the first gap.
func inheritedFiles() []*os.File {
	var files []*os.File
	for fd := 3; ; fd++ {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err != nil || flags&unix.FD_CLOEXEC != 0 {
			return files
		}
		unix.CloseOnExec(fd)
		files = append(files, os.NewFile(uintptr(fd), "inherited"))
	}
}

// killDescendants kills the children of this process until there are none:
// each death hands it the orphans underneath.
func killDescendants(patience time.Duration) {
	for end := time.Now().Add(patience); time.Now().Before(end); {
		for _, pid := range children() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		var status syscall.WaitStatus
		switch pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil); {
		case err == syscall.ECHILD:
			return
		case pid == 0:
			time.Sleep(time.Millisecond)
		}
	}
}

// children lists the children of this process.
func children() []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	self := strconv.Itoa(os.Getpid())
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue
		}
		// pid (name) state ppid ...; the name may hold anything.
		if _, rest, ok := strings.Cut(string(stat[strings.LastIndexByte(string(stat), ')')+1:]), " "); ok {
			if fields := strings.Fields(rest); len(fields) > 1 && fields[1] == self {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// supervised reports whether cmd runs under a supervisor.
func supervised(cmd *exec.Cmd) bool {
	for i, arg := range cmd.Args {
		if arg == shimArg && i+1 < len(cmd.Args) {
			return strings.Contains(cmd.Args[i+1], `"supervise":true`)
		}
	}
	return false
}
