package ids_test

import (
	"strconv"
	"testing"

	"github.com/cortexlinux/cortex-host/core/ids"
)

// What an id costs, of as many as the benchmark goes for.
func BenchmarkAdd(b *testing.B) {
	x := ids.NewIndex(b.TempDir())
	defer x.Close()
	n := 0
	for b.Loop() {
		n++
		if fresh, err := x.Add("pkg_" + strconv.Itoa(n)); err != nil || !fresh {
			b.Fatal(fresh, err)
		}
	}
}
