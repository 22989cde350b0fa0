package process_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/core/process"
	"github.com/cortexlinux/cortex-host/sdk"
)

func TestDeathAndRestart(t *testing.T) {
	p := open(t, process.Config{})
	first := ask(t, p, "pid")
	_, err := say(t.Context(), p, "exit")
	if !errors.Is(err, sdk.Internal) || !errors.Is(err, sdk.ErrPluginBroke) || !strings.Contains(err.Error(), "my last words") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("got %v", err)
	}
	if second := ask(t, p, "pid"); second == first {
		t.Error("the same process answers")
	}
	if n := p.BrokenStreams(); n != 1 {
		t.Errorf("%d broken streams", n)
	}
	if n := p.Restarts(); n != 1 {
		t.Errorf("%d restarts", n)
	}
	if n := p.Lost(); n != 1 {
		t.Errorf("%d lost calls", n)
	}
}

func TestDiesTooOften(t *testing.T) {
	p := open(t, process.Config{})
	var err error
	began := time.Now()
	for range 10 {
		if _, err = say(t.Context(), p, "exit"); err != nil && strings.Contains(err.Error(), "not started again") {
			break
		}
	}
	if took := time.Since(began); took < 1500*time.Millisecond { // 100, 200, 400 and 800 ms between five lives
		t.Errorf("five lives took %v", took)
	}
	if !errors.Is(err, sdk.Internal) || !strings.Contains(err.Error(), "died 5 times") || !strings.Contains(err.Error(), "my last words") {
		t.Errorf("got %v", err)
	}
}

// A plugin that waits for a processor, on a machine that has too much to do, is
// not idle, and so not taken for one that was stopped.
func TestWaitingForAProcessorIsNoIdleness(t *testing.T) {
	onLinux(t)
	p := open(t, process.Config{Confinement: process.ConfineOff})
	ask(t, p, "x")
	before := process.Waited(p)
	ask(t, p, "compete 600ms")
	after := process.Waited(p)
	if after-before < 100*time.Millisecond {
		t.Errorf("among four that want its processor it waited %v of 600 ms", after-before)
	}
	ask(t, p, "nap 300ms")
	if slept := process.Waited(p) - after; slept > (after-before)/2 {
		t.Errorf("while it slept it waited %v", slept)
	}
}

func TestStopped(t *testing.T) {
	p := open(t, process.Config{HangTimeout: 200 * time.Millisecond, StopTimeout: 200 * time.Millisecond})
	ask(t, p, "x")
	if _, err := say(t.Context(), p, "stop"); !errors.Is(err, sdk.Internal) || !strings.Contains(err.Error(), "no sign of life") {
		t.Errorf("got %v", err)
	}
	ask(t, p, "x")
}

func TestCloseIsBounded(t *testing.T) {
	p := open(t, process.Config{StopTimeout: 200 * time.Millisecond})
	pid, err := strconv.Atoi(ask(t, p, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	grandchild, err := strconv.Atoi(ask(t, p, "child"))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	p.Close()
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("Close took %v", took)
	}
	gone(t, pid)
	gone(t, grandchild)
	if _, err := say(t.Context(), p, "x"); !errors.Is(err, sdk.Internal) {
		t.Errorf("after Close: got %v", err)
	}
}

// crash is how Go begins to tell that there is no memory.
var crash = regexp.MustCompile(`\n(fatal|runtime/cgo|SIG).*: `)

// A plugin has as much memory as it is given, and dies of more, alone.
func TestMemoryOfAPluginIsBounded(t *testing.T) {
	onLinux(t)
	if process.UnderRaceDetector {
		t.Skip("SKIPPED: the race detector needs more memory than the bound")
	}
	p := open(t, process.Config{MemoryBytes: 256 << 20})
	if got := ask(t, p, "fill 64"); got != fmt.Sprint(64<<20) {
		t.Errorf("got %s", got)
	}
	// The traceback is long; what the plugin died of is told nevertheless.
	_, err := say(t.Context(), p, "fill 512")
	if !errors.Is(err, sdk.Internal) || !crash.MatchString(err.Error()) {
		t.Errorf("got %v", err)
	}
	ask(t, p, "x")
	if got := ask(t, open(t, process.Config{}), "fill 512"); got != fmt.Sprint(512<<20) {
		t.Errorf("with the default: got %s", got)
	}
}

// inFlight asks n times at once and returns when the plugin has all of it; wait
// returns what came of it.
func inFlight(t *testing.T, p *process.Provider, n int, text string) (wait func() []error) {
	t.Helper()
	errs := make([]error, n)
	var calls sync.WaitGroup
	for i := range n {
		calls.Go(func() { _, errs[i] = say(context.Background(), p, text) })
	}
	for deadline := time.Now().Add(5 * time.Second); ask(t, p, "busy") != strconv.Itoa(n); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the calls do not arrive")
		}
	}
	return func() []error { calls.Wait(); return errs }
}

// Close lets calls under way end with their answers, refuses new ones meanwhile,
// and then ends the process.
func TestCloseDrains(t *testing.T) {
	p := open(t, process.Config{StopTimeout: 20 * time.Second})
	pid, err := strconv.Atoi(ask(t, p, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	wait := inFlight(t, p, 8, "nap 500ms")
	closed := make(chan struct{})
	go func() { defer close(closed); p.Close() }()
	refused := 0
	for open := true; open; {
		began := time.Now()
		switch _, err := say(context.Background(), p, "x"); {
		case err == nil && refused > 0:
			t.Error("a call began while the plugin was being stopped")
		case err != nil && (!errors.Is(err, sdk.Internal) || !strings.Contains(err.Error(), "closed")):
			t.Errorf("a new call: %v", err)
		case err != nil && time.Since(began) > time.Second:
			t.Errorf("a new call is refused after %v", time.Since(began))
		case err != nil:
			refused++
		}
		select {
		case <-closed:
			open = false
		case <-time.After(10 * time.Millisecond):
		}
	}
	for _, err := range wait() {
		if err != nil {
			t.Errorf("a call under way: %v", err)
		}
	}
	if refused < 2 {
		t.Errorf("%d calls were refused; this test proves nothing", refused)
	}
	gone(t, pid)
}

// Three failures of its own in a row put another process in a plugin's place. What
// is under way on the old one was paid for: it is not cut off, however long that
// takes, except by Close.
func TestAPluginThatIsReplacedMayAnswer(t *testing.T) {
	const stop = 100 * time.Millisecond
	for name, nap := range map[string]time.Duration{"answered": 15 * stop, "closed": time.Hour} {
		p := open(t, process.Config{StopTimeout: stop})
		pid, err := strconv.Atoi(ask(t, p, "pid"))
		if err != nil {
			t.Fatal(err)
		}
		wait := inFlight(t, p, 3, "nap "+nap.String())
		for range 3 {
			if _, err := say(t.Context(), p, "fail"); !errors.Is(err, sdk.Internal) {
				t.Fatalf("got %v", err)
			}
		}
		if ask(t, p, "pid") == strconv.Itoa(pid) {
			t.Fatal("the plugin was not replaced; this test proves nothing")
		}
		if name == "closed" {
			time.Sleep(5 * stop)
			if !alive(pid) {
				t.Error("the old process was ended before anybody closed")
			}
			began := time.Now()
			p.Close()
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("Close took %v", took)
			}
		}
		for _, err := range wait() {
			if (err != nil) != (name == "closed") {
				t.Errorf("%s: a call on the old process: %v", name, err)
			}
		}
		gone(t, pid)
	}
}

// A start that is under way does not keep anybody waiting who wants the end.
func TestAStartIsGivenUp(t *testing.T) {
	mute := install(t, "mute")
	for name, giveUp := range map[string]func() error{
		"closed": func() error {
			p := open(t, process.Config{Plugin: mute})
			time.AfterFunc(200*time.Millisecond, func() { p.Close() })
			return p.Start(t.Context())
		},
		"closed in Configure": func() error {
			p := open(t, process.Config{Settings: sdk.Settings{"key": json.RawMessage(`"hang"`)}, StopTimeout: 500 * time.Millisecond})
			time.AfterFunc(300*time.Millisecond, func() { p.Close() })
			return p.Start(t.Context())
		},
		"described": func() error {
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			_, err := process.Describe(ctx, mute, "")
			return err
		},
	} {
		began := time.Now()
		if err := giveUp(); err == nil || !strings.Contains(err.Error(), map[bool]string{true: "deadline exceeded", false: "was closed"}[name == "described"]) {
			t.Errorf("%s: got %v", name, err)
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
	}
	if left := processesWith(filepath.Dir(mute.Path)); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// What does not end is not waited for longer than the bound.
func TestDrainIsBounded(t *testing.T) {
	p := open(t, process.Config{StopTimeout: 300 * time.Millisecond})
	pid, err := strconv.Atoi(ask(t, p, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	wait := inFlight(t, p, 3, "nap 1h")
	began := time.Now()
	p.Close()
	if took := time.Since(began); took < 250*time.Millisecond || took > 3*time.Second {
		t.Errorf("Close took %v", took)
	}
	for _, err := range wait() {
		if !errors.Is(err, sdk.Internal) {
			t.Errorf("a call that was cut off: %v", err)
		}
	}
	gone(t, pid)
}

func TestCancel(t *testing.T) {
	p := open(t, process.Config{})
	ask(t, p, "x")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := say(ctx, p, "wait"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	ask(t, p, "x")
}

func TestManyAtOnce(t *testing.T) {
	p := open(t, process.Config{})
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			if got, err := say(t.Context(), p, fmt.Sprint(i)); err != nil || got != fmt.Sprint(i) {
				t.Errorf("%d: got %q, %v", i, got, err)
			}
		})
	}
	wg.Wait()
}
