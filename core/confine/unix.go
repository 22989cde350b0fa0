//go:build unix

package confine

import (
	"os"
	"os/exec"
	"syscall"
	"time"
)

// kill ends a child: its process group by SIGKILL, or, where a supervisor
// stands between, the supervisor by SIGTERM first, so that it can end every
// descendant.
func kill(cmd *exec.Cmd, done <-chan struct{}) {
	if supervised(cmd) && cmd.Process.Signal(syscall.SIGTERM) == nil {
		select {
		case <-done:
			return
		case <-time.After(3 * time.Second):
		}
	}
	if syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) != nil {
		_ = cmd.Process.Kill() // the group is gone already; so is the process, most likely
	}
}

func signalName(state *os.ProcessState) string {
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return ws.Signal().String()
	}
	return ""
}
