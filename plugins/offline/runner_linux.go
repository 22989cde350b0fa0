package main

import (
	"os/exec"
	"syscall"
)

// dieWithParent has the kernel end the child when this process ends, however
// it ends. The child stays in this process's group, which the host ends as a
// whole.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
