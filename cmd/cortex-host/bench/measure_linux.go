package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// measure runs a command as a subreaper: a descendant whose parent ended
// becomes a child of this process, so waiting until there are no children left
// misses nobody. The kernel's account of a child holds those that it waited
// for itself.
func measure(args []string) (Run, error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return Run{}, fmt.Errorf("become a subreaper: %w", err)
	}
	path, err := exec.LookPath(args[0])
	if err != nil {
		return Run{}, err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return Run{}, err
	}
	defer null.Close()
	began := time.Now()
	child, err := os.StartProcess(path, args, &os.ProcAttr{Files: []*os.File{null, os.Stdout, os.Stderr}})
	if err != nil {
		return Run{}, err
	}
	sampler := newSampler(os.Getpid())
	var sampling sync.WaitGroup
	stop := make(chan struct{})
	sampling.Go(func() { sampler.run(stop) })
	run, err := waitForAll(child.Pid, began)
	close(stop)
	sampling.Wait()
	run.PeakBytes, run.Processes, run.ByProcess = sampler.peak, sampler.processes, sampler.byName()
	return run, err
}

// waitForAll waits for a child and everything that it left behind.
func waitForAll(pid int, began time.Time) (Run, error) {
	var run Run
	var failed error
	for {
		var status unix.WaitStatus
		var usage unix.Rusage
		ended, err := unix.Wait4(-1, &status, 0, &usage)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.ECHILD):
			return run, failed
		case err != nil:
			return run, err
		}
		run.CPU += time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
		if ended == pid {
			run.Wall = time.Since(began)
			if status.Signaled() || status.ExitStatus() != 0 {
				failed = fmt.Errorf("ended with status %d, signal %d", status.ExitStatus(), status.Signal())
			}
		}
	}
}
