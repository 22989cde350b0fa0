package confine

import (
	"net"

	"golang.org/x/sys/unix"
)

// Peer returns the process at the other end of a Unix socket and its user, as
// they were when it connected or began to listen (SO_PEERCRED, unix(7)). The
// process is 0 if it cannot be seen from here.
func Peer(conn *net.UnixConn) (pid, uid int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, 0, err
	}
	var peer *unix.Ucred
	var peerErr error
	if err := raw.Control(func(fd uintptr) { peer, peerErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil {
		return 0, 0, err
	}
	if peerErr != nil {
		return 0, 0, peerErr
	}
	return int(peer.Pid), int(peer.Uid), nil
}
