package wasm_test

import (
	"bufio"
	"context"
	"io"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/core/wasm"
)

// numbered yields n items p0, p1, ...
func numbered(n int) func(yield func(wasm.Item, error) bool) {
	return func(yield func(wasm.Item, error) bool) {
		for i := range n {
			if !yield(wasm.Item{Text: "p" + strconv.Itoa(i)}, nil) {
				return
			}
		}
	}
}

// generate does what `cortex-host generate` does with the queries.
func generate(t testing.TB, m *wasm.Module, n int) (perSecond float64, grew int64) {
	t.Helper()
	r := newRunner(t, wasm.Config{})
	if err := r.Compile(context.Background(), m); err != nil {
		t.Fatal(err)
	}
	out := bufio.NewWriterSize(io.Discard, 64<<10)
	var line []byte
	count := 0
	before, peak := memory(), int64(0)
	start := time.Now()
	for q, err := range r.Generate(context.Background(), m, wasm.Request{Items: numbered(n), Total: int64(n)}) {
		if err != nil {
			t.Fatal(err)
		}
		line = append(q.AppendJSON(line[:0]), '\n')
		if _, err := out.Write(line); err != nil {
			t.Fatal(err)
		}
		if count++; count%(n/4) == 0 {
			var stats runtime.MemStats
			runtime.ReadMemStats(&stats)
			peak = max(peak, int64(stats.HeapAlloc)-before)
		}
	}
	if count != n {
		t.Fatalf("%d queries of %d items", count, n)
	}
	return float64(n) / time.Since(start).Seconds(), peak
}

// A million items must not make the host larger: 8 bytes a query to notice
// duplicates are all that grows.
func TestThroughput(t *testing.T) {
	n, floors := 60_000, map[string]float64{"go": 25_000 / 3, "c": 100_000 / 3}
	if os.Getenv("CORTEX_SLOW_TESTS") != "" {
		n = 1_000_000
	}
	if raceEnabled || testing.Short() {
		t.Skip("SKIPPED: timings mean nothing under the race detector")
	}
	for language, floor := range floors {
		t.Run(language, func(t *testing.T) {
			var m *wasm.Module
			if language == "go" {
				m = goGenerator(t, "package")
			} else {
				m = packageIn(t, language)
			}
			perSecond, grew := generate(t, m, n)
			t.Logf("%d items: %.0f queries a second, the heap grew by %d MiB at most", n, perSecond, grew>>20)
			if perSecond < floor {
				t.Errorf("%.0f queries a second, want at least %.0f (a third of the target)", perSecond, floor)
			}
			if grew > 64<<20 {
				t.Errorf("the host's heap grew by %d MiB", grew>>20)
			}
		})
	}
}
