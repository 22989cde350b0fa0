package process

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// try attempts everything that a plugin must not be able to do, in the process
// that calls it.
func (t *target) try() (a attempts) {
	attempt := func(name, measure string, f func() error) {
		err := f()
		r := ProbeResult{Name: name, Measure: measure, Denied: err != nil, Detail: "possible"}
		if err != nil {
			r.Detail = err.Error()
		}
		a.Results = append(a.Results, r)
	}
	proc := func(pid int, name string) string { return fmt.Sprintf("/proc/%d/%s", pid, name) }
	attempt("host_environment", "processes", func() error { return read(proc(t.Host, "environ")) })
	attempt("host_memory", "processes", func() error { return read(proc(t.Host, "mem")) })
	attempt("host_descriptors", "processes", func() error { _, err := os.Readlink(proc(t.Host, "fd/0")); return err })
	attempt("host_tracing", "processes", func() error { return readMemory(t.Host) })
	attempt("other_environment", "processes", func() error { return read(proc(t.Other, "environ")) })
	attempt("read_home", "files", func() error { return read(t.File) })
	attempt("list_home", "files", func() error { _, err := os.ReadDir(filepath.Dir(t.File)); return err })
	attempt("write_outside", "files", func() error {
		return os.WriteFile(filepath.Join(filepath.Dir(t.File), "written-by-a-plugin"), nil, 0o600)
	})
	attempt("signal_host", "signals", func() error { return syscall.Kill(t.Host, 0) })
	attempt("signal_other", "signals", func() error { return syscall.Kill(t.Other, 0) })
	attempt("privileges", "no_new_privs", mayGainPrivileges)
	attempt("core_dump", "core", func() error {
		var limit syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_CORE, &limit); err != nil {
			return err
		}
		if limit.Max == 0 {
			return errors.New("the limit is 0")
		}
		return nil
	})
	attempt("namespace", "tracing", makeNamespace)
	attempt("abstract_socket", "signals", func() error { return connect("unix", t.Abstract) }) // as old as these
	attempt("unix_socket", "unix_sockets", func() error { return connect("unix", t.Unix) })
	attempt("list_sockets", "tracing", listSockets)
	attempt("list_runs", "files", func() error { _, err := os.ReadDir(filepath.Join(os.Getenv("TMPDIR"), "../..")); return err })
	attempt("watch_runs", "tracing", func() error { return watchDir(filepath.Join(os.Getenv("TMPDIR"), "../..")) })
	attempt("egress", "", func() error { return connect("tcp", t.TCP) })
	a.Daemon, a.Error = leaveDaemon()
	return a
}

// read opens a file and reads from it. An error of the reading alone is none of
// permission: a process's memory has holes.
func read(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.Read(make([]byte, 1))
	if errors.Is(err, syscall.EIO) {
		return nil
	}
	return err
}

func connect(network, address string) error {
	c, err := net.Dial(network, address)
	if err == nil {
		c.Close()
	}
	return err
}

// leaveDaemon starts a process that leaves the session.
func leaveDaemon() (pid int, problem string) {
	cmd := exec.Command("/bin/sleep", "1000")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return 0, err.Error()
	}
	return cmd.Process.Pid, ""
}
