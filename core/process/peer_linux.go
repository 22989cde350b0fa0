package process

import (
	"fmt"
	"net"
	"os"

	"github.com/cortexlinux/cortex-host/core/confine"
)

// supervised says whether there is a supervisor that reports.
const supervised = true

// checkPeer refuses a socket at which neither the plugin nor one of its
// descendants listens.
func (c *child) checkPeer(conn *net.UnixConn) error {
	pid, uid, err := confine.Peer(conn)
	if err != nil {
		return err
	}
	if uid != os.Geteuid() || !confine.Descends(pid, c.process.Pid()) {
		return fmt.Errorf("the process %d (user %d) listens at the plugin's socket, and does not descend from the plugin", pid, uid)
	}
	return nil
}
