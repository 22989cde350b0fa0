//go:build unix

package confine

import (
	"os"
	"syscall"
	"time"
)

// kill ends a child: its process group by SIGKILL, or, where a supervisor
// stands between, by cutting the link to that first, so that it can end every
// descendant.
func kill(p *Process) {
	if p.link != nil && p.link.cut() == nil {
		select {
		case <-p.done:
			return
		case <-time.After(supervisorPatience + time.Second):
		}
	}
	if killGroup(p.cmd.Process.Pid) != nil {
		_ = p.cmd.Process.Kill() // the group is gone already; so is the process, most likely
	}
}

// killGroup kills the process group that a process leads, or led.
func killGroup(leader int) error { return syscall.Kill(-leader, syscall.SIGKILL) }

// supervisorPatience is how long a supervisor tries to end the descendants.
const supervisorPatience = 3 * time.Second

func signalName(state *os.ProcessState) string {
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return ws.Signal().String()
	}
	return ""
}
