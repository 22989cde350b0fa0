package main

import (
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/cortexlinux/cortex-host/core/confine"
)

// strangerTo returns an error if the process at the other end of a Unix socket
// descends from this one, or has ended so that nobody can tell.
func strangerTo(conn net.Conn) error {
	socket, ok := conn.(*net.UnixConn)
	if !ok {
		return errors.New("this is no Unix socket")
	}
	pid, _, err := confine.Peer(socket)
	if err != nil {
		return err
	}
	switch {
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
