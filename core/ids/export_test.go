package ids

import (
	"fmt"
	"os"
)

// ReadOnly makes every further write to the index's file fail.
func ReadOnly(x *Index) {
	f, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", x.disk.f.Fd()))
	if err != nil {
		return // not on Linux: then it is a test of nothing
	}
	x.disk.f.Close()
	x.disk.f = f
}
