//go:build !linux

package store

import (
	"io"
	"syscall"
)

const (
	openNonblock = syscall.O_NONBLOCK
	openNoFollow = syscall.O_NOFOLLOW
)

// hold hashes the program. This system cannot execute what has no name, so
// whoever can write to the plugin's directory can change it before it starts.
func (i *Image) hold(source io.Reader, hash io.Writer) error {
	i.Held = "its directory's permissions alone"
	return i.copyTo(source, io.Discard, hash)
}
