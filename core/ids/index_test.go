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
}

// Without a place for a file, or with one that became full, ids stay in memory.
func TestNoRoomForTheFile(t *testing.T) {
	for name, prepare := range map[string]func(*ids.Index){
		"nowhere": func(*ids.Index) {},
		"full":    ids.ReadOnly,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir() + "/none"
			if name == "full" {
				dir = t.TempDir()
			}
			x := ids.NewIndex(dir)
			defer x.Close()
			for round := range 2 {
				for i := range 160_000 {
					if i == 60_000 && round == 0 {
						prepare(x)
					}
					fresh, err := x.Add(fmt.Sprint("query-", i))
					if err != nil || fresh != (round == 0) {
						t.Fatal(round, i, fresh, err)
					}
				}
			}
		})
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
