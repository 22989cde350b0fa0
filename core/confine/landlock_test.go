//go:build linux && (amd64 || arm64)

package confine

import (
	"testing"

	"golang.org/x/sys/unix"
)

// A kernel refuses a right that it does not know, so each is asked for from the
// version on that has it.
func TestRightsOfEachLandlock(t *testing.T) {
	files := Policy{Files: true}
	for _, c := range []struct {
		right uint64
		since int
	}{
		{unix.LANDLOCK_ACCESS_FS_READ_FILE, 1}, {unix.LANDLOCK_ACCESS_FS_MAKE_SYM, 1}, {unix.LANDLOCK_ACCESS_FS_REFER, 2},
		{unix.LANDLOCK_ACCESS_FS_TRUNCATE, 3}, {unix.LANDLOCK_ACCESS_FS_IOCTL_DEV, 5}, {unix.LANDLOCK_ACCESS_FS_RESOLVE_UNIX, 9},
	} {
		for abi := 1; abi <= 10; abi++ {
			if has := handled(files, abi).Handled_access_fs&c.right != 0; has != (abi >= c.since) {
				t.Errorf("right %#x with version %d: %v", c.right, abi, has)
			}
		}
	}
	if got := handled(Policy{NoNetwork: true}, 10); got.Handled_access_fs != 0 || got.Handled_access_net == 0 {
		t.Errorf("without Files: %+v", got)
	}
}
