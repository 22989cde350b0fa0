package main

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"github.com/cortexlinux/cortex-host/core/confine"
)

// strangerTo returns an error if the process at the other end of a Unix socket
// descends from this one, or has ended so that nobody can tell.
func strangerTo(conn net.Conn) error {
	socket, ok := conn.(*net.UnixConn)
	if !ok {
		return errors.New("this is no Unix socket")
	}
	raw, err := socket.SyscallConn()
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
	switch pid := int(peer.Pid); {
	case pid == 0 || pid == os.Getpid(): // outside this container, or this program
		return nil
	case !lives(pid):
		return errors.New("the process that connected has ended")
	case confine.Descends(pid, os.Getpid()):
		return fmt.Errorf("process %d belongs to this run: plugins and generators give no orders", pid)
	}
	return nil
}

func lives(pid int) bool {
	_, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
	return err == nil
}
