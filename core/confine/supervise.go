//go:build linux && (amd64 || arm64)

package confine

import (
	"bytes"
	"cmp"
	"encoding/json"
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
// cuts the link. It returns the target's status.
//
// Orphans among the target's descendants become children of this process,
// which is how it finds them. It dies last: the kernel turns the death of the
// program into a SIGTERM for it (see setProcAttr), and its own death into a
// SIGKILL for the target.
func supervise(p Policy, target []string) int {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	signal.Ignore(syscall.SIGINT, syscall.SIGHUP, syscall.SIGPIPE)
	report := &Report{}
	offerToOOM(p, report)
	_ = HideSelf()
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	files := inheritedFiles()
	if len(files) == 0 {
		fmt.Fprintln(os.Stderr, "confine: a supervisor without a link: start it with confine.Start")
		return statusBroken
	}
	program := files[len(files)-1] // as Start made it
	messages := json.NewEncoder(program)
	child, err := startConfined(p, target, files[:len(files)-1], report)
	begin := beginning{Report: *report}
	if err != nil {
		begin.Error = fmt.Sprintf("cannot run %s: %v", cmp.Or(p.Name, target[0]), err)
		_ = messages.Encode(begin)
		fmt.Fprintln(os.Stderr, "confine: "+begin.Error)
		return statusExec
	}
	begin.Pid = child.Pid()
	_ = messages.Encode(begin) // a program that is gone is noticed below
	cut := make(chan struct{})
	go func() {
		defer close(cut)
		_, _ = program.Read(make([]byte, 1)) // it says nothing, ever
	}()
	select {
	case <-stop:
	case <-cut:
	case <-child.Done():
	}
	child.Kill()
	killDescendants(supervisorPatience)
	exit, err := child.Exit()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return statusBroken
	}
	_ = messages.Encode(exit)
	if exit.Status < 0 {
		return 128
	}
	return exit.Status
}

// startConfined starts the target from a thread that is confined for it; this
// process's other threads are not, so that it keeps its power over the target.
func startConfined(p Policy, target []string, files []*os.File, report *Report) (*Process, error) {
	cmd := &exec.Cmd{Path: target[0], Args: target, Env: os.Environ(), ExtraFiles: files,
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	if p.Name != "" {
		cmd.Args[0] = p.Name
	}
	child := &Process{cmd: cmd, done: make(chan struct{})}
	err := child.start(func() (err error) {
		apply(p, cmd.Path, report)
		if p.Strict {
			err = report.failure()
		}
		if err == nil && p.Report {
			cmd.Env, err = report.env(cmd.Env)
		}
		if err != nil {
			return err
		}
		return cmd.Start()
	})
	return child, err
}

// newLink returns the program's end of a link, and the supervisor's.
func newLink() (*link, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("link: %w", err)
	}
	if err := unix.SetNonblock(fds[0], true); err != nil { // so that it has deadlines
		unix.Close(fds[0])
		unix.Close(fds[1])
		return nil, nil, fmt.Errorf("link: %w", err)
	}
	l := &link{file: os.NewFile(uintptr(fds[0]), "supervisor"), begun: make(chan struct{}), ended: make(chan struct{})}
	return l, os.NewFile(uintptr(fds[1]), "program"), nil
}

// cut tells the supervisor to end everything.
func (l *link) cut() error {
	conn, err := l.file.SyscallConn()
	if err != nil {
		return err
	}
	var cutErr error
	if err := conn.Control(func(fd uintptr) { cutErr = unix.Shutdown(int(fd), unix.SHUT_WR) }); err != nil {
		return err
	}
	return cutErr
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

// killDescendants kills all that descends from this process until nothing does:
// each death hands it the orphans underneath.
func killDescendants(patience time.Duration) {
	for end := time.Now().Add(patience); time.Now().Before(end); {
		for _, pid := range descendants() {
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

// descendants lists the processes that descend from this one.
func descendants() []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	children := map[int][]int{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if parent := parentOf(pid); parent > 0 {
			children[parent] = append(children[parent], pid)
		}
	}
	list := children[os.Getpid()]
	for i := 0; i < len(list); i++ {
		list = append(list, children[list[i]]...)
	}
	return list
}

// parentOf returns the parent of a process, 0 if there is no such process.
func parentOf(pid int) int {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	// pid (name) state parent ...; the name may hold anything.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 2 {
		return 0
	}
	parent, _ := strconv.Atoi(fields[1])
	return parent
}

// Descends reports whether a process is ancestor or descends from it.
func Descends(pid, ancestor int) bool {
	for range 64 { // a chain is short; a cycle would be a race of the kernel's
		if pid == ancestor {
			return true
		}
		if pid = parentOf(pid); pid <= 1 {
			return pid == ancestor
		}
	}
	return false
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
