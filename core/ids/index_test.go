package ids_test

import (
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/core/ids"
)

func TestEveryDuplicateIsFoundInBoundedMemory(t *testing.T) {
	n := 150_000
	if os.Getenv("CORTEX_SLOW_TESTS") != "" {
		n = 2_000_000
	}
	dir := t.TempDir()
	x := ids.NewIndex(dir)
	defer x.Close()
	before := heap()
	begin := time.Now()
	for round := range 2 {
		for i := range n {
			fresh, err := x.Add(fmt.Sprint("query-", i))
			if err != nil || fresh != (round == 0) {
				t.Fatal(round, i, fresh, err)
			}
		}
	}
	grown := heap() - before
	t.Logf("%d ids twice in %v, %d bytes of memory", n, time.Since(begin), grown)
	if grown > 12<<20 {
		t.Errorf("%d bytes of memory for %d ids", grown, n)
	}
	if names, _ := os.ReadDir(dir); len(names) != 0 {
		t.Errorf("the index has left %v", names)
	}
	if _, err := ids.NewIndex(dir + "/none").Add("x"); err != nil {
		t.Errorf("few ids need no file: %v", err)
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
