//go:build !linux

package journal

import "os"

// Rename implements [Disk].
func (OSDisk) Rename(from, to string, replace bool) error {
	if replace {
		return os.Rename(from, to)
	}
	return renameChecked(from, to)
}
