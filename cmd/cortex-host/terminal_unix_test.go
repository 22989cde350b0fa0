//go:build linux || darwin

package main

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// cooked reports whether a terminal hands over lines and shows what is typed.
func cooked(t *testing.T, tty *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(tty.Fd()), getTermios)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ICANON != 0 && state.Lflag&unix.ECHO != 0
}
