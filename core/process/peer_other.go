//go:build !linux

package process

import "net"

// supervised says whether there is a supervisor that reports.
const supervised = false

// checkPeer trusts the directory's permissions on this system.
func (c *child) checkPeer(*net.UnixConn) error { return nil }
