package store

import (
	"errors"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const (
	openNonblock = unix.O_NONBLOCK
	openNoFollow = unix.O_NOFOLLOW
)

// hold copies the program to where nobody can change it: sealed memory, else,
// on a system that executes none, a file that has no name any more.
func (i *Image) hold(source io.Reader, hash io.Writer) error {
	file, err := sealable()
	if err != nil {
		return i.holdUnlinked(source, hash)
	}
	err = i.copyTo(source, file, hash)
	if err == nil {
		err = file.Chmod(0o500)
	}
	if err == nil {
		err = seal(file)
	}
	if err != nil {
		file.Close()
		return err
	}
	i.File, i.Held = file, "sealed memory"
	return nil
}

// sealable returns memory that can be executed and sealed.
func sealable() (*os.File, error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate("cortex-provider", flags|unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) { // a kernel that does not know MFD_EXEC
		fd, err = unix.MemfdCreate("cortex-provider", flags)
	}
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "cortex-provider"), nil
}

// sealPatience is about how long seal waits.
const sealPatience = 2 * time.Second

// seal makes memory unchangeable. The kernel refuses while it holds a page of it
// itself, to move it for example: on a busy machine that takes a moment.
func seal(file *os.File) error {
	for wait := time.Millisecond; ; wait *= 2 {
		_, err := unix.FcntlInt(file.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_SEAL|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_WRITE)
		if !errors.Is(err, unix.EBUSY) || wait > sealPatience/2 {
			return err
		}
		time.Sleep(wait)
	}
}

// holdUnlinked copies the program into a file that only this process can reach.
func (i *Image) holdUnlinked(source io.Reader, hash io.Writer) error {
	w, err := os.CreateTemp("", ".cortex-provider-")
	if err != nil {
		return err
	}
	defer w.Close()
	r, err := os.Open(w.Name())
	os.Remove(w.Name())
	if err != nil {
		return err
	}
	if err = i.copyTo(source, w, hash); err == nil {
		err = w.Chmod(0o500)
	}
	if err != nil {
		r.Close()
		return err
	}
	i.File, i.Held = r, "a file without a name"
	return nil
}
