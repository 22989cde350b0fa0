package process_test

import (
	"os/exec"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// compete computes for that long on the one processor that four others want.
func compete(d time.Duration) error {
	runtime.LockOSThread() // and never unlocked: the thread is of no other use
	var one, all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return err
	}
	for cpu := range 1024 {
		if all.IsSet(cpu) {
			one.Set(cpu)
			break
		}
	}
	for range 4 {
		hog := exec.Command("/bin/sh", "-c", "while :; do :; done")
		if err := hog.Start(); err != nil {
			return err
		}
		defer func() { _ = hog.Process.Kill(); _ = hog.Wait() }()
		if err := unix.SchedSetaffinity(hog.Process.Pid, &one); err != nil {
			return err
		}
	}
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return err
	}
	for end := time.Now().Add(d); time.Now().Before(end); {
	}
	return unix.SchedSetaffinity(0, &all)
}
