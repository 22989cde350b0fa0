package confine_test

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"

	"golang.org/x/sys/unix"
)

// reach tries what a child under NoChildren must not be able to do to the
// process that is named, and what it must.
func reach(args []string) int {
	host, err := strconv.Atoi(args[0])
	if err != nil {
		fmt.Println(err)
		return 2
	}
	status := 0
	check := func(what string, err error, allowed bool) {
		if (err == nil) != allowed {
			fmt.Printf("%s: %v\n", what, err)
			status = 1
		}
	}
	check("signal to the host", unix.Kill(host, 0), false)
	check("signal to itself", unix.Kill(os.Getpid(), 0), true)
	check("signal to a thread of the host", unix.Tgkill(host, host, 0), false)
	check("signal to a thread of its own", unix.Tgkill(os.Getpid(), unix.Gettid(), 0), true)
	check("tracing the host", unix.PtraceAttach(host), false)
	check("limits of the host", unix.Prlimit(host, unix.RLIMIT_CPU, nil, &unix.Rlimit{}), false)
	check("its own limits", unix.Prlimit(0, unix.RLIMIT_CPU, nil, &unix.Rlimit{}), true)
	check("a process", exec.Command("/bin/true").Run(), false)
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	check("its powers", unix.Capget(&header, &sets[0]), true)
	if sets[0].Permitted|sets[1].Permitted != 0 {
		fmt.Println("it has capabilities")
		status = 1
	}
	return status
}
