package process

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"github.com/cortexlinux/cortex-host/core/confine"
)

// supervised says whether there is a supervisor that reports.
const supervised = true

// checkPeer refuses a socket at which neither the plugin nor one of its
// descendants listens.
func (c *child) checkPeer(conn *net.UnixConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var peer *unix.Ucred
	var peerErr error
	if err := raw.Control(func(fd uintptr) { peer, peerErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil {
		return err
	}
	if peerErr != nil {
		return peerErr
	}
	if int(peer.Uid) != os.Geteuid() || !confine.Descends(int(peer.Pid), c.process.Pid()) {
		return fmt.Errorf("the process %d (user %d) listens at the plugin's socket, and does not descend from the plugin", peer.Pid, peer.Uid)
	}
	return nil
}
