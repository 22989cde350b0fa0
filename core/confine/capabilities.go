//go:build linux && (amd64 || arm64)

package confine

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// dropCapabilities takes root's powers from what this thread executes. Without
// it a program that runs as root (in a container, say) could lift its own
// limits. A process that has no powers has none to lose.
func dropCapabilities() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return fmt.Errorf("capget: %w", err)
	}
	if sets[0].Permitted|sets[1].Permitted|sets[0].Inheritable|sets[1].Inheritable == 0 {
		return nil
	}
	for c := uintptr(0); ; c++ {
		err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
		if errors.Is(err, unix.EINVAL) && c > 0 {
			break // the kernel knows no more of them
		}
		if errors.Is(err, unix.EPERM) && os.Geteuid() != 0 {
			break // only what root executes gets its powers from there
		}
		if errors.Is(err, unix.EPERM) {
			return fmt.Errorf("this process is root and may not give up its powers (CAP_SETPCAP)%w", errMissing)
		}
		if err != nil {
			return fmt.Errorf("capability %d: %w", c, err)
		}
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("ambient capabilities: %w", err)
	}
	sets[0].Inheritable, sets[1].Inheritable = 0, 0 // execve takes the permitted ones
	if err := unix.Capset(&header, &sets[0]); err != nil {
		return fmt.Errorf("capset: %w", err)
	}
	return nil
}
