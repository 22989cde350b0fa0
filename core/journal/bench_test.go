package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// BenchmarkQuery is what the journal costs one query: admit, one attempt, and
// a row of 2 KB, on the disk that holds the temporary directory.
func BenchmarkQuery(b *testing.B) {
	for _, mode := range []SyncMode{SyncGroup, SyncNone} {
		for _, inFlight := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/%d", mode, inFlight), func(b *testing.B) { benchmarkQuery(b, mode, inFlight) })
		}
	}
}

func benchmarkQuery(b *testing.B, mode SyncMode, inFlight int) {
	dir := b.TempDir()
	r, err := Create(b.Context(), Config{Dir: filepath.Join(dir, "runs"), Sync: mode}, Plan{Output: Output{Path: filepath.Join(dir, "out")}})
	must(b, err)
	defer r.Close("")
	row := []byte(strings.Repeat("x", 2047) + "\n")
	text := strings.Repeat("why? ", 40)
	cost := sdk.USD
	var next atomic.Int64
	b.SetParallelism(max(1, inFlight/runtime.GOMAXPROCS(0)))
	b.ReportAllocs()
	b.ResetTimer()
	query := func() {
		i := next.Add(1) - 1
		q := sdk.Query{ID: fmt.Sprint("q", i), Messages: []sdk.Message{{Role: sdk.User, Text: text}}}
		_, err := r.Admit(i, &q)
		must(b, err)
		a := sdk.Attempt{Index: i, QueryID: q.ID, Number: 1, Lane: "openai", Model: "gpt-5", Started: time.Now(), Reserved: &cost}
		must(b, r.AttemptStarted(a))
		a.Cost = &cost
		must(b, r.AttemptEnded(a))
		must(b, r.Settle(&sdk.Result{Index: i, QueryID: q.ID, Response: &sdk.Response{}}, row))
	}
	if inFlight == 1 {
		for range b.N {
			query()
		}
		return
	}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			query()
		}
	})
}

// What is recorded of a query takes no memory beside the buffers.
func TestARecordTakesNoMemory(t *testing.T) {
	dir := t.TempDir()
	r, err := Create(t.Context(), Config{Dir: filepath.Join(dir, "runs"), Sync: SyncNone}, Plan{Output: Output{Path: filepath.Join(dir, "out")}})
	must(t, err)
	defer r.Close("")
	q, row, result, i := testQuery(1), []byte("row\n"), &sdk.Result{Response: &sdk.Response{}}, int64(0)
	got := testing.AllocsPerRun(2000, func() {
		_, err := r.Admit(i, q)
		must(t, err)
		a := sdk.Attempt{Index: i, QueryID: q.ID, Number: 1, Lane: "openai", Model: "m"}
		must(t, r.AttemptStarted(a))
		must(t, r.AttemptEnded(a))
		result.Index = i
		must(t, r.Settle(result, row))
		i++
	})
	if got > 2 {
		t.Errorf("%v allocations for a query", got)
	}
}

// A million rows of 1 KB: resuming, with every query admitted again, takes a
// fraction of 30 s and 8 bytes a query.
func TestResumeOfAMillion(t *testing.T) {
	n := int64(100_000)
	if os.Getenv("CORTEX_SLOW_TESTS") != "" {
		n = 1_000_000
	}
	dir := t.TempDir()
	cfg := Config{Dir: filepath.Join(dir, "runs"), Sync: SyncNone}
	plan := Plan{Output: Output{Path: filepath.Join(dir, "out")}}
	r, err := Create(t.Context(), cfg, plan)
	must(t, err)
	row := []byte(strings.Repeat("x", 1023) + "\n")
	ok := &sdk.Result{Response: &sdk.Response{}}
	for i := range n {
		_, err := r.Admit(i, testQuery(i))
		must(t, err)
		ok.Index = i
		if i%16 == 0 {
			must(t, start(r, i))
		}
		must(t, r.Settle(ok, row))
	}
	kill(r)

	before := heap()
	begin := time.Now()
	r, err = Resume(t.Context(), cfg, r.ID(), plan, all())
	must(t, err)
	opened := time.Since(begin)
	for i := range n {
		if ask, err := r.Admit(i, testQuery(i)); ask || err != nil {
			t.Fatal(i, ask, err)
		}
	}
	took, grown := time.Since(begin), heap()-before
	t.Logf("%d rows: opened in %v, all admitted after %v, %.1f bytes a query", n, opened, took, float64(grown)/float64(n))
	if took > time.Duration(n)*30*time.Microsecond*3 {
		t.Errorf("resuming %d rows took %v", n, took)
	}
	if grown > 16*n+4<<20 {
		t.Errorf("%d bytes for %d queries", grown, n)
	}
	must(t, r.Close(""))
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkRun is what a run of one query pays for being recorded.
func BenchmarkRun(b *testing.B) {
	dir := b.TempDir()
	cfg := Config{Dir: filepath.Join(dir, "runs")}
	for n := range b.N {
		r, err := Create(b.Context(), cfg, Plan{Output: Output{Path: filepath.Join(dir, fmt.Sprint("out", n))}})
		must(b, err)
		_, err = ask(r, 0, 0, "answered")
		must(b, err)
		_, err = r.Finish(b.Context())
		must(b, err)
	}
}
