package httpapi

import (
	"net"
	"syscall"
)

// A socket can be asked whether something came, without reading it; nothing is
// known of one that can't be looked at. One call uses it at a time.
type socket struct {
	raw    syscall.RawConn
	look   func(fd uintptr) (enough bool) // (*socket).peek, made once and not for each call
	wait   bool                           // until something comes
	looked bool
	empty  bool
}

func (s *socket) open(c net.Conn) {
	if c, ok := c.(syscall.Conn); ok {
		s.raw, _ = c.SyscallConn() // nil on an error
	}
	s.look = s.peek
}

// quiet reports whether there is nothing to be read, not even the end.
func (s *socket) quiet() bool { return s.see(false) && s.empty }

// await waits until there is something. What is wrong with the socket, the read
// that follows will say.
func (s *socket) await() { s.see(true) }

func (s *socket) see(wait bool) bool {
	s.wait, s.looked, s.empty = wait, false, false
	return s.raw != nil && s.raw.Read(s.look) == nil
}

// peek is called again after a wait.
func (s *socket) peek(fd uintptr) (enough bool) {
	if s.looked {
		return true
	}
	var b [1]byte
	_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	s.looked, s.empty = true, err == syscall.EAGAIN
	return !s.empty || !s.wait
}
