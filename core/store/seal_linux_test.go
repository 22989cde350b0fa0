package store

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A page that somebody holds for a moment does not keep a plugin from its start.
func TestSealWaitsForPagesThatAreHeld(t *testing.T) {
	file, err := sealable()
	if err != nil {
		t.Skip(err)
	}
	defer file.Close()
	if err := file.Truncate(4096); err != nil {
		t.Fatal(err)
	}
	held, err := unix.Mmap(int(file.Fd()), 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(50*time.Millisecond, func() { _ = unix.Munmap(held) })
	if err := seal(file); err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteAt([]byte("x"), 0); err == nil {
		t.Error("the memory can still be written")
	}
}
