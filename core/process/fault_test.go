package process_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/core/process"
	"github.com/cortexlinux/cortex-host/core/store"
	"github.com/cortexlinux/cortex-host/sdk"
)

// The promises about a plugin that breaks: its lane is back, and it is gone
// when it is stopped, within so much time.
const (
	backWithin    = 5 * time.Second
	stoppedWithin = 5 * time.Second
	goneWithin    = 2 * time.Second
)

// patience is three on a machine that does other things besides; with
// CORTEX_REALTIME=1 the numbers are those of the promise.
func patience() time.Duration {
	if os.Getenv("CORTEX_REALTIME") != "" {
		return 1
	}
	return 3
}

// rounds is how often each fault is provoked.
func rounds(t *testing.T) int {
	t.Helper()
	text := os.Getenv("CORTEX_FAULT_ROUNDS")
	if text == "" {
		if testing.Short() {
			return 1
		}
		return 3
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("CORTEX_FAULT_ROUNDS=%s", text)
	}
	return n
}

// faults are what the plugin of faulty_test.go can do wrong, and whether the
// call that asks for it is answered nevertheless.
var faults = []struct {
	name     string
	answered bool
}{
	{"panic", false},
	{"exit-in-handshake", false},
	{"noise-before-handshake", false},
	{"stop", false},
	{"kill", false},
	{"stdout", true},
	{"stderr", true},
	{"garbage", false},
	{"drip", false},
	{"huge", false},
	{"descriptors", false},
	{"fork", false},
	{"memory", false},
	{"usage", true},
}

// Whatever a plugin does wrong, the host lives, other lanes go on, the lane is
// back soon, and nothing is left. Each fault of each round has a supervisor of
// its own.
func TestFaults(t *testing.T) {
	onLinux(t)
	plugin, other := install(t, "faulty"), install(t, "puppet")
	mark := filepath.Dir(plugin.Path)
	for range rounds(t) {
		base := shortDir(t)
		dir, err := process.OpenRunDir(base)
		if err != nil {
			t.Fatal(err)
		}
		otherLane, stop := goesOn(t, process.Config{Plugin: other, RunDir: dir})
		var all sync.WaitGroup
		for _, f := range faults {
			all.Go(func() {
				l := &faultyLane{t: t, fault: f.name, answered: f.answered}
				l.run(process.Config{Plugin: plugin, RunDir: dir, CacheDir: t.TempDir()}, mark)
			})
		}
		all.Wait()
		stop()
		otherLane.Close()
		if sockets := socketsIn(t, base); len(sockets) > 0 {
			t.Errorf("sockets are left: %v", sockets)
		}
		dir.Close()
		if left := processesWith(mark); len(left) > 0 {
			t.Errorf("processes are left: %v", left)
		}
	}
}

// goesOn asks another plugin all the time; each of its answers must come.
func goesOn(t *testing.T, cfg process.Config) (*process.Provider, func()) {
	t.Helper()
	p := open(t, cfg)
	ask(t, p, "x")
	ctx, cancel := context.WithCancel(context.Background())
	var asking sync.WaitGroup
	asking.Go(func() {
		for ctx.Err() == nil {
			if _, err := say(context.Background(), p, "x"); err != nil {
				t.Errorf("another lane: %v", err)
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	})
	return p, func() { cancel(); asking.Wait() }
}

// A faultyLane is one supervisor whose plugin goes wrong once.
type faultyLane struct {
	t        *testing.T
	fault    string
	answered bool
}

func (l *faultyLane) run(cfg process.Config, mark string) {
	cfg.LogFile = filepath.Join(cfg.CacheDir, "log")
	p, err := process.New(cfg)
	if err != nil {
		l.t.Error(err)
		return
	}
	if _, err := say(context.Background(), p, "x"); err != nil {
		l.t.Errorf("%s: before it: %v", l.fault, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience()*backWithin)
	defer cancel()
	began := time.Now()
	r, err := p.Complete(ctx, &sdk.Query{ID: "q", Messages: []sdk.Message{{Role: sdk.User, Text: l.fault + " " + mark}}})
	if (err == nil) != l.answered {
		l.t.Errorf("%s: answered %v: %v", l.fault, err == nil, err)
	}
	if l.fault == "usage" && err == nil {
		for _, n := range []int64{r.Usage.PromptTokens, r.Usage.CompletionTokens, r.Usage.CachedTokens, r.Usage.ReasoningTokens} {
			if n < 0 || n > 1<<40 {
				l.t.Errorf("usage: %+v", r.Usage)
			}
		}
	}
	l.comesBack(p, began)
	start := time.Now()
	p.Close()
	if took := time.Since(start); took > patience()*stoppedWithin {
		l.t.Errorf("%s: Close took %v", l.fault, took)
	}
	if info, err := os.Stat(cfg.LogFile); err != nil || info.Size() > 1<<20 {
		l.t.Errorf("%s: its log: %v, %v", l.fault, info, err)
	}
}

// comesBack asks until there is an answer, so soon after the fault began.
func (l *faultyLane) comesBack(p *process.Provider, began time.Time) {
	ctx, cancel := context.WithDeadline(context.Background(), began.Add(patience()*backWithin))
	defer cancel()
	var err error
	for ctx.Err() == nil {
		if _, err = say(ctx, p, "x"); err == nil {
			l.t.Logf("%-22s back after %v", l.fault, time.Since(began).Round(time.Millisecond))
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	l.t.Errorf("%s: the lane is not back within %v: %v", l.fault, patience()*backWithin, err)
}

// processesWith returns the processes whose command line has the text.
func processesWith(text string) (list []string) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		if data, err := os.ReadFile(file); err == nil && strings.Contains(string(data), text) {
			list = append(list, file+": "+strings.ReplaceAll(string(data), "\x00", " "))
		}
	}
	return list
}

// doomedHost is a host with many lanes, some of them in trouble, that waits to
// be killed.
func doomedHost(base string) {
	dir, err := process.OpenRunDir(filepath.Join(base, "run"))
	if err != nil {
		panic(err)
	}
	plugin := store.Plugin{Name: "faulty", Path: filepath.Join(base, "cortex-provider-faulty")}
	for i, fault := range []string{"x", "fork", "stop", "drip", "stderr"} {
		p, err := process.New(process.Config{Plugin: plugin, RunDir: dir, CacheDir: filepath.Join(base, strconv.Itoa(i))})
		if err != nil {
			panic(err)
		}
		if err := p.Start(context.Background()); err != nil {
			panic(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
		_, _ = say(ctx, p, fault+" "+base)
		cancel()
		if fault == "fork" {
			_, _ = say(context.Background(), p, "x") // it runs again
		}
	}
	fmt.Println("ready")
	time.Sleep(time.Hour)
}

// After a kill -9 of the host, nothing of its plugins is left, and the next
// host removes their sockets.
func TestAKilledHostLeavesNothingOfManyPlugins(t *testing.T) {
	onLinux(t)
	for range rounds(t) {
		base := shortDir(t)
		if err := os.Mkdir(filepath.Join(base, "run"), 0o700); err != nil {
			t.Fatal(err)
		}
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(self, filepath.Join(base, "cortex-provider-faulty")); err != nil {
			t.Fatal(err)
		}
		host := exec.Command(self)
		host.Env = append(os.Environ(), "TEST_DOOMED_HOST="+base)
		out, err := host.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := host.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = host.Process.Kill(); _ = host.Wait() }) // whatever this test says
		var word string
		if _, err := fmt.Fscan(out, &word); err != nil || word != "ready" {
			t.Fatalf("%q, %v", word, err)
		}
		if n := len(processesWith(base)); n < 8 { // four plugins with their supervisors
			t.Fatalf("only %d processes", n)
		}
		_ = host.Process.Signal(syscall.SIGKILL)
		killed := time.Now()
		_ = host.Wait()
		for len(processesWith(base)) > 0 && time.Since(killed) < patience()*goneWithin {
			time.Sleep(5 * time.Millisecond)
		}
		if left := processesWith(base); len(left) > 0 {
			t.Errorf("left after %v: %v", time.Since(killed), left)
		}
		t.Logf("all gone after %v", time.Since(killed).Round(time.Millisecond))
		if len(socketsIn(t, base)) == 0 {
			t.Error("no sockets were left; this test proves nothing")
		}
		next, err := process.OpenRunDir(filepath.Join(base, "run"))
		if err != nil {
			t.Fatal(err)
		}
		if sockets := socketsIn(t, base); len(sockets) > 0 {
			t.Errorf("sockets are left: %v", sockets)
		}
		next.Close()
	}
}

// What is altered between verification and start never runs.
func TestTampering(t *testing.T) {
	onLinux(t)
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path, ran := filepath.Join(dir, "cortex-provider-puppet"), filepath.Join(dir, "it-ran")
	good := "#!/bin/sh\nexit 3\n"
	bad := "#!/bin/sh\n: >" + ran + "\nexit 4\n"
	write := func(text string) {
		temp := path + ".new"
		if err := errors.Join(os.WriteFile(temp, []byte(text), 0o700), os.Rename(temp, path)); err != nil {
			t.Error(err)
		}
	}
	write(good)
	hash, err := store.Plugin{Path: path}.Hash()
	if err != nil {
		t.Fatal(err)
	}
	pinned := store.Plugin{Name: "puppet", Path: path, Pin: store.Pin{By: store.ByLock, SHA256: hash}}
	runDir, err := process.OpenRunDir(shortDir(t))
	if err != nil {
		t.Fatal(err)
	}
	defer runDir.Close()
	refused, started := 0, 0
	for i := range 200 {
		write(good)
		swapped := make(chan struct{})
		// The swap comes at another moment of the start in each round: by
		// renaming, and by writing into the very file.
		time.AfterFunc(time.Duration(i%40)*250*time.Microsecond, func() {
			defer close(swapped)
			if i%2 == 0 {
				write(bad)
			} else if err := os.WriteFile(path, []byte(bad), 0o700); err != nil {
				t.Error(err)
			}
		})
		p, err := process.New(process.Config{Plugin: pinned, RunDir: runDir, Confinement: process.ConfineOff})
		if err != nil {
			t.Fatal(err)
		}
		switch err := p.Start(t.Context()); {
		case err == nil:
			t.Error("a shell script that says nothing is no plugin")
		case errors.Is(err, store.ErrRefused):
			refused++
		default:
			started++
		}
		p.Close()
		<-swapped
		if _, err := os.Stat(ran); err == nil {
			t.Fatalf("round %d: the altered program ran", i)
		}
	}
	t.Logf("%d starts of what was verified, %d refusals", started, refused)
	if started == 0 || refused == 0 {
		t.Error("the swaps all came too early, or all too late")
	}
}
