//go:build linux || darwin

package main

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// watchKeys calls press for each key that is pressed on this program's terminal
// until stop is called. Keys are read only while the program is in the
// foreground; Ctrl-C and its like stay signals. Without a terminal it does
// nothing.
func watchKeys(press func(byte)) (stop func()) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDONLY|unix.O_NOCTTY, 0)
	if err != nil {
		return func() {}
	}
	fd := int(tty.Fd())
	before, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		tty.Close()
		return func() {}
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		readKeys(fd, press, quit)
	}()
	return func() {
		close(quit)
		<-done
		if foreground(fd) {
			_ = unix.IoctlSetTermios(fd, setTermios, before) // the terminal may be gone
		}
		tty.Close()
	}
}

// keyPoll is how often the reader looks whether it should end, or whether it
// came back into the foreground.
const keyPoll = 100 * time.Millisecond

func readKeys(fd int, press func(byte), quit chan struct{}) {
	var key [16]byte
	for {
		select {
		case <-quit:
			return
		default:
		}
		if !foreground(fd) || !unbuffer(fd) {
			time.Sleep(keyPoll)
			continue
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(keyPoll.Milliseconds()))
		if err != nil || n == 0 {
			continue
		}
		if n, err = unix.Read(fd, key[:]); err != nil || n <= 0 {
			time.Sleep(keyPoll) // hung up
			continue
		}
		if key[0] == '\x1b' {
			continue // arrows and the like
		}
		for _, b := range key[:n] {
			press(b)
		}
	}
}

// foreground reports whether the terminal is this program's: reading another
// one's would stop it.
func foreground(fd int) bool {
	group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// unbuffer makes the terminal give each key at once and not show it, if it does
// not already. After Ctrl-Z and fg that has to be done again.
func unbuffer(fd int) bool {
	t, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return false
	}
	if t.Lflag&(unix.ICANON|unix.ECHO) == 0 {
		return true
	}
	t.Lflag &^= unix.ICANON | unix.ECHO
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	return unix.IoctlSetTermios(fd, setTermios, t) == nil
}
