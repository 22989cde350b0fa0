package wasm_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/core/wasm"
	"github.com/cortexlinux/cortex-host/sdk"
)

const goodQuery = `{"id":"a","messages":[{"role":"user","content":"?"}]}` + "\n"

const smallManifest = `{"abi":1,"kind":"generator","name":"hostile","version":"1.0.0","summary":"x","limits":{"memory_mb":1}}`

// hostileDeadline is short, so that the suite is.
const hostileDeadline = time.Second

// A hostile module, and how its run must end.
type hostile struct {
	name    string
	module  []byte
	reason  wasm.Reason // "": it is harmless after all
	queries int         // that must come before the end
	failed  int         // item errors that must come
}

func hostiles() []hostile {
	run := func(name string, reason wasm.Reason, g guest, queries, failed int) hostile {
		return hostile{name, g.build(), reason, queries, failed}
	}
	body := func(code ...[]byte) guest { return guest{bodies: [][]byte{cat(code...)}} }
	says := func(text string, code ...[]byte) guest {
		g := body(code...)
		g.data = []byte(text)
		return g
	}
	const fill = "\xfc\x0b\x00"
	return []hostile{
		run("endless loop", wasm.Deadline, body(forever()), 0, 0),
		run("endless loop in start", wasm.Deadline, guest{start: true, bodies: [][]byte{nil, forever()}}, 0, 0),
		run("call-tree bomb", wasm.Deadline, callTree(60), 0, 0),
		run("bulk-memory bomb", wasm.Deadline, guest{pages: 1024, bodies: [][]byte{forever(nums(0, 1, 64<<20), []byte(fill))}}, 0, 0),
		run("memory.grow to 4 GiB", wasm.Trapped, body(num(65535), memoryGrow, num(-1), []byte{0x46, 0x04, 0x40}, unreachable, []byte{0x0b}), 0, 0),
		run("memory.grow for ever", wasm.Deadline, body(forever(num(16), memoryGrow, drop)), 0, 0),
		run("all memory at once", wasm.InvalidModule, guest{pages: 65536, bodies: [][]byte{nil}}, 0, 0),
		run("table.grow", wasm.OutOfMemory, guest{table: true, manifest: smallManifest, bodies: [][]byte{
			forever([]byte{0xd0, 0x70}, num(10_000_000), []byte("\xfc\x0f\x00"), drop)}}, 0, 0),
		run("deep recursion", wasm.Trapped, body(call(4)), 0, 0),
		run("trap at once", wasm.Trapped, body(unreachable), 0, 0),
		run("trap mid-stream", wasm.Trapped, says(goodQuery, write, unreachable), 1, 0),
		run("division by zero", wasm.Trapped, body(nums(1, 0), []byte{0x6d}, drop), 0, 0),
		run("flood of one query", wasm.LimitExceeded, says(goodQuery, forever(write)), 1, 31),
		run("flood of prompts", wasm.LimitExceeded, says(`{"prompt":{"id":"p","messages":[{"role":"user","content":"`+strings.Repeat("x", 4000)+`"}]}}`+"\n", forever(write)), 0, 0),
		run("flood without line ends", wasm.LimitExceeded, says(strings.Repeat("a", 4096), forever(write)), 0, 0),
		run("flood of empty lines", wasm.BadRecord, says("\n\n\n", forever(write)), 0, 0),
		run("flood of logs", wasm.Deadline, says(strings.Repeat("log\n", 1000), forever(writeLog)), 0, 0),
		run("half a record", wasm.BadRecord, says(goodQuery+`{"id":"b"`, write), 1, 0),
		run("exit in half a record", wasm.BadRecord, says(`{"id":"b"`, write, exit(0)), 0, 0),
		run("100 MB record", wasm.LimitExceeded, says(`{"id":"`+strings.Repeat("x", 4089), times(25600, write)), 0, 0),
		run("invalid UTF-8", wasm.BadRecord, says("{\"id\":\"\xff\"}\n", write), 0, 0),
		run("garbage", wasm.BadRecord, says("Hello, world!\n", write), 0, 0),
		run("two values in a line", wasm.BadRecord, says(strings.TrimSpace(goodQuery)+goodQuery, write), 0, 0),
		run("deep nesting", wasm.BadRecord, says(`{"options":`+strings.Repeat("[", 20000)+"\n", write), 0, 0),
		run("an unknown field", wasm.BadRecord, says(`{"id":"a","messages":[{"role":"user","content":"?"}],"url":"http://evil"}`+"\n", write), 0, 0),
		run("an undefined prompt", wasm.BadRecord, says(`{"id":"a","use":"p","messages":[]}`+"\n", write), 0, 0),
		run("duplicate ids", "", says(goodQuery+goodQuery, write), 1, 1),
		run("chooses a provider", wasm.NotAllowed, says(`{"id":"a","provider":"expensive","messages":[{"role":"user","content":"?"}]}`+"\n", write), 0, 0),
		run("chooses a model", wasm.NotAllowed, says(`{"id":"a","model":"expensive","messages":[{"role":"user","content":"?"}]}`+"\n", write), 0, 0),
		run("chooses an option", wasm.NotAllowed, says(`{"id":"a","options":{"n":100},"messages":[{"role":"user","content":"?"}]}`+"\n", write), 0, 0),
		run("chooses an address", wasm.NotAllowed, says(`{"id":"a","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://evil/?secret"}}]}]}`+"\n", write), 0, 0),
		run("prints nothing", wasm.Silent, body(), 0, 0),
		run("exit status 3", wasm.ExitStatus, says("I give up\n", writeLog, exit(3)), 0, 0),
		run("ignores end of input", wasm.Deadline, body(forever(read)), 0, 0),
		run("never reads", "", says(goodQuery, write), 1, 0),
		run("sleeps for an hour", wasm.Silent, body(sleepHour()), 0, 0),
		run("sleeps for ever", wasm.Deadline, body(forever(sleepHour())), 0, 0),
		run("forbidden import", wasm.ForbiddenImport, guest{imports: [][2]string{{"env", "system"}}, bodies: [][]byte{nil}}, 0, 0),
		run("a socket", wasm.ForbiddenImport, guest{imports: [][2]string{{wasm.WASI, "sock_accept"}}, bodies: [][]byte{nil}}, 0, 0),
		run("broken manifest", wasm.InvalidManifest, guest{manifest: `{"abi":1`, bodies: [][]byte{nil}}, 0, 0),
		run("a newer ABI", wasm.InvalidManifest, guest{manifest: `{"abi":2}`, bodies: [][]byte{nil}}, 0, 0),
		run("asks for all memory", wasm.LimitExceeded, guest{manifest: `{"abi":1,"kind":"generator","name":"x","version":"1.0.0","summary":"x","limits":{"memory_mb":4096}}`, bodies: [][]byte{nil}}, 0, 0),
		{"not a module", []byte("#!/bin/sh\nrm -rf /\n"), wasm.InvalidModule, 0, 0},
		{"text format", []byte("(module)"), wasm.InvalidModule, 0, 0},
		{"empty file", nil, wasm.InvalidModule, 0, 0},
		{"component-model binary", []byte("\x00asm\x0d\x00\x01\x00"), wasm.InvalidModule, 0, 0},
		{"cut module", guest{bodies: [][]byte{nil}}.build()[:60], wasm.InvalidModule, 0, 0},
		run("malformed code", wasm.InvalidModule, body([]byte{0xff, 0xff, 0xff}), 0, 0),
		run("compile bomb", wasm.Deadline, slowBomb(), 0, 0),
		run("compile bomb in memory", wasm.OutOfMemory, hungryBomb(), 0, 0),
	}
}

// callTree makes functions of which each calls the next twice.
func callTree(depth int) guest {
	g := guest{}
	for i := range depth {
		g.bodies = append(g.bodies, cat(call(byte(5+i)), call(byte(5+i))))
	}
	g.bodies = append(g.bodies, nil)
	return g
}

// sleepHour waits for a clock with poll_oneoff.
func sleepHour() []byte {
	store := func(at int32, value int64) []byte {
		return cat(num(at), []byte{0x42}, sleb(value), []byte{0x37, 3, 0})
	}
	const in, out, count = 1024, 2048, 3000
	return cat(store(in, 0), store(in+8, 0), store(in+16, 0), store(in+24, int64(time.Hour)), store(in+32, 0), store(in+40, 0),
		nums(in, out, 1, count), call(3), drop)
}

func sleb(v int64) []byte {
	var b []byte
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

// slowBomb is one function of 750 KB that sets each of its 50,000 variables
// behind a condition: compiling it takes more than a minute and little memory.
func slowBomb() guest {
	const locals = 50_000
	b := binary.AppendUvarint([]byte{1}, locals)
	b = append(b, 0x7f)
	for i := range locals {
		b = append(b, cat(num(48), []byte{0x28, 2, 0, 0x04, 0x40}, num(int32(i)))...)
		b = append(binary.AppendUvarint(append(b, 0x21), uint64(i)), 0x0b)
	}
	return guest{locals: true, bodies: [][]byte{b}}
}

// hungryBomb is one function of 1.2 MB in which every value may flow
// everywhere: compiling it takes gigabytes.
func hungryBomb() guest {
	r := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	const depth = 300
	for range 400 {
		for range depth {
			b.Write([]byte{0x02, 0x40})
		}
		for i := range depth {
			b.Write(cat(num(48), []byte{0x28, 2, 0, 0x0d, byte(r.IntN(min(100, depth-i)))}, []byte{0x0b}))
		}
	}
	return guest{bodies: [][]byte{b.Bytes()}}
}

// alsoRight are the ends of modules that race for memory against time: which
// of the two is used up first is the machine's affair.
var alsoRight = map[string]wasm.Reason{
	"table.grow":             wasm.Deadline,
	"deep recursion":         wasm.Deadline,
	"memory.grow for ever":   wasm.OutOfMemory,
	"compile bomb in memory": wasm.Deadline,
}

// hostilePromise is how soon a run with a hostile module ends. The suite runs
// on machines that do other things as well and fails at three times that,
// unless it is asked to be exact.
func hostilePromise() time.Duration {
	promise := hostileDeadline + 250*time.Millisecond
	if os.Getenv("CORTEX_REALTIME") != "" {
		return promise
	}
	return 3 * promise
}

func TestHostileModules(t *testing.T) {
	if raceEnabled {
		t.Skip("SKIPPED: deadlines and bounds of memory mean nothing under the race detector")
	}
	limits := wasm.Limits{Timeout: hostileDeadline, CompileTimeout: hostileDeadline, TimeoutPerItem: -1}
	r := newRunner(t, wasm.Config{Limits: limits, CacheDir: t.TempDir()})
	honest := newRunner(t, wasm.Config{})
	if err := honest.Compile(context.Background(), harmless(t)); err != nil {
		t.Fatal(err)
	}
	slowest := time.Duration(0)
	for _, h := range hostiles() {
		t.Run(h.name, func(t *testing.T) {
			// Other work goes on beside it, and comes to its end.
			other := make(chan error, 1)
			go func() {
				queries, _, err := collect(honest, harmless(t), wasm.Request{Items: wasm.Texts("one")})
				if err == nil && len(queries) != 1 {
					err = fmt.Errorf("it made %d queries", len(queries))
				}
				other <- err
			}()
			peak := watchMemory()
			queries, failed, took, err := runHostile(r, h.module)
			grew := peak()
			if also, ok := alsoRight[h.name]; ok && errors.Is(err, also) {
				h.reason = also
			}
			checkReason(t, err, h.reason)
			if queries != h.queries || failed != h.failed {
				t.Errorf("%d queries and %d failed items came, want %d and %d", queries, failed, h.queries, h.failed)
			}
			if slowest = max(slowest, took); took > hostilePromise() {
				t.Errorf("it took %v, more than %v", took, hostilePromise())
			}
			if grew > 64<<20 {
				t.Errorf("the host grew by %d MiB", grew>>20)
			}
			if err := <-other; err != nil {
				t.Errorf("the generator beside it was harmed: %v", err)
			}
			if left := childProcesses(t); len(left) > 0 {
				t.Errorf("processes are left: %v", left)
			}
			t.Logf("%v, %d MiB: %v", took.Round(time.Millisecond), grew>>20, err)
		})
	}
	t.Logf("%d modules, the slowest ended after %v", len(hostiles()), slowest.Round(time.Millisecond))
}

func runHostile(r *wasm.Runner, module []byte) (queries, failed int, took time.Duration, end error) {
	start := time.Now()
	m, err := wasm.Parse("hostile.wasm", module)
	if err != nil {
		return 0, 0, time.Since(start), err
	}
	for _, err := range r.Generate(context.Background(), m, wasm.Request{Items: wasm.Texts("one")}) {
		var item *sdk.ItemError
		switch {
		case err == nil:
			queries++
		case errors.As(err, &item):
			failed++
		default:
			end = err
		}
	}
	return queries, failed, time.Since(start), end
}

func checkReason(t *testing.T, err error, want wasm.Reason) {
	t.Helper()
	var e *wasm.Error
	switch {
	case want == "" && err != nil:
		t.Errorf("it ended with %v", err)
	case want == "":
	case !errors.As(err, &e):
		t.Errorf("it ended with %v (%T), want %s", err, err, want)
	case !errors.Is(err, want):
		t.Errorf("it ended for the reason %s, want %s: %v", e.Reason, want, err)
	case e.Message == "" || e.Generator == "":
		t.Errorf("the error does not say enough: %+v", e)
	}
}

// memory is what the host holds after a collection.
func memory() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// watchMemory looks at the host's memory from now on; the function that it
// returns stops that and says by how much it grew at most.
func watchMemory() func() int64 {
	before := memory()
	stop, peak := make(chan struct{}), make(chan int64)
	go func() {
		most := before
		var m runtime.MemStats
		for end := false; !end; {
			select {
			case <-stop:
				end = true
			case <-time.After(5 * time.Millisecond):
			}
			runtime.ReadMemStats(&m)
			most = max(most, int64(m.HeapInuse+m.StackInuse))
		}
		peak <- most - before
	}()
	return func() int64 {
		close(stop)
		return <-peak
	}
}

// childProcesses lists the processes that this one has started and that live.
func childProcesses(t *testing.T) []string {
	t.Helper()
	return childrenOf(os.Getpid())
}

// childrenOf lists the living children of a process; none where there is no
// /proc.
func childrenOf(parent int) []string {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var pids []string
	for _, e := range entries {
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(parent) && fields[0] != "Z" {
			pids = append(pids, e.Name())
		}
	}
	return pids
}
