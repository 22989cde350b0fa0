package process_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"

	"github.com/cortexlinux/cortex-host/core/confine"
	"github.com/cortexlinux/cortex-host/core/process"
	"github.com/cortexlinux/cortex-host/core/store"
	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider"
)

// The test binary is its own plugin when a host started it.
func TestMain(m *testing.M) {
	confine.Main(process.Child())
	if os.Getenv(provider.HandshakeCookieKey) != "" {
		servePlugin()
	}
	if dir := os.Getenv("TEST_HOST_DIR"); dir != "" {
		hostUntilKilled(dir)
	}
	if base := os.Getenv("TEST_DOOMED_HOST"); base != "" {
		doomedHost(base)
	}
	goleak.VerifyTestMain(m)
}

func onLinux(t testing.TB) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: for Linux")
	}
}

func servePlugin() {
	name := strings.TrimPrefix(filepath.Base(os.Args[0]), "cortex-provider-")
	switch name {
	case "mute":
		time.Sleep(time.Hour)
	case "future":
		fmt.Println("1|7|unix|" + os.Getenv("PLUGIN_UNIX_SOCKET_DIR") + "/s|grpc")
		time.Sleep(time.Hour)
	case "far":
		fmt.Println("1|1|tcp|127.0.0.1:1|grpc")
		time.Sleep(time.Hour)
	case "impostor":
		own := filepath.Join(os.Getenv("PLUGIN_UNIX_SOCKET_DIR"), "s")
		if err := os.Symlink(os.Getenv("TEST_SOCKET"), own); err != nil {
			fmt.Println(err)
		}
		fmt.Println("1|1|unix|" + own + "|grpc")
		time.Sleep(time.Hour)
	case "faulty":
		serveFaulty()
	case "hostile":
		provider.Serve(&hostile{})
	case "stillborn":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		time.Sleep(time.Hour)
	case "garbage":
		fmt.Fprintln(os.Stderr, "could not find my library")
		fmt.Println("hello, I am no plugin")
		os.Exit(7)
	}
	os.Args = os.Args[:1]
	provider.Serve(&puppet{name: name})
}

// puppet does what the query's text says.
type puppet struct {
	name string
	log  hclog.Logger
	mu   sync.Mutex
	key  string
	naps atomic.Int64
}

// UseLogger implements provider.LogUser.
func (p *puppet) UseLogger(l hclog.Logger) { p.log = l }

func (p *puppet) Describe() sdk.Description {
	return sdk.Description{Name: p.name, Version: "1.0.0", Summary: "A puppet", ConfigSchema: json.RawMessage(`{"type":"object"}`), Local: true}
}

func (p *puppet) Configure(_ context.Context, s sdk.Settings) error {
	if string(s["key"]) == `"hang"` {
		time.Sleep(time.Hour)
	}
	if string(s["key"]) == `"wrong"` {
		return sdk.Errorf(sdk.Unauthenticated, "key: wrong")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.key = string(s["key"])
	return nil
}

func (p *puppet) Complete(ctx context.Context, q *sdk.Query) (*sdk.Response, error) {
	text := q.Messages[0].Text
	switch command, rest, _ := strings.Cut(text, " "); command {
	case "key":
		p.mu.Lock()
		defer p.mu.Unlock()
		text = p.key
	case "env":
		text = strings.Join(os.Environ(), "\n")
	case "pid":
		text = strconv.Itoa(os.Getpid())
	case "stdin":
		read := make(chan int, 1)
		go func() { n, _ := os.Stdin.Read(make([]byte, 1)); read <- n }()
		select {
		case n := <-read:
			text = fmt.Sprint(n)
		case <-time.After(100 * time.Millisecond):
			text = "nothing"
		}
	case "exit":
		log.Print("my last words") // not through os.Stderr, which travels by gRPC
		os.Exit(3)
	case "stop":
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		<-ctx.Done() // another thread may be the first to stop
	case "compete":
		d, err := time.ParseDuration(rest)
		if err != nil {
			return nil, err
		}
		if err := compete(d); err != nil {
			return nil, err
		}
	case "wait":
		<-ctx.Done()
		return nil, ctx.Err()
	case "fill":
		n, err := strconv.Atoi(rest)
		if err != nil {
			return nil, err
		}
		text = fmt.Sprint(len(bytes.Repeat([]byte{1}, n<<20)))
	case "nap": // whatever the caller wants
		d, err := time.ParseDuration(rest)
		if err != nil {
			return nil, err
		}
		p.naps.Add(1)
		time.Sleep(d)
	case "fail":
		return nil, sdk.Errorf(sdk.Internal, "my own fault")
	case "busy":
		text = strconv.FormatInt(p.naps.Load(), 10)
	case "child":
		cmd := exec.Command("sleep", "1000")
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		text = strconv.Itoa(cmd.Process.Pid)
	case "log":
		p.log.Debug("in detail")
		p.log.Warn("careful", "what", rest)
	case "shout":
		fmt.Print(strings.Repeat("x", 1<<20))
	case "print":
		log.Print(rest)
	case "read":
		data, err := os.ReadFile(os.ExpandEnv(rest))
		if text = string(data); err != nil {
			text = "denied"
		}
	case "write":
		if text = "written"; os.WriteFile(os.ExpandEnv(rest), nil, 0o600) != nil {
			text = "denied"
		}
	case "big":
		n, _ := strconv.Atoi(rest)
		text = strings.Repeat("x", n)
	}
	return &sdk.Response{Content: text, FinishReason: sdk.Stop}, nil
}

// install makes a plugin of that name from the test binary.
func install(t testing.TB, name string) store.Plugin {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "cortex-provider-"+name)
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	return store.Plugin{Name: name, Path: path}
}

func open(t testing.TB, cfg process.Config) *process.Provider {
	t.Helper()
	if cfg.Plugin.Path == "" {
		cfg.Plugin = install(t, "puppet")
	}
	p, err := process.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func say(ctx context.Context, p sdk.Provider, text string) (string, error) {
	r, err := p.Complete(ctx, &sdk.Query{ID: "q", Messages: []sdk.Message{{Role: sdk.User, Text: text}}})
	if err != nil {
		return "", err
	}
	return r.Content, nil
}

func ask(t testing.TB, p sdk.Provider, text string) string {
	t.Helper()
	answer, err := say(t.Context(), p, text)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

// gone waits for the end of a process.
func gone(t testing.TB, pid int) {
	t.Helper()
	for range 100 {
		if !alive(pid) || zombie(pid) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("process %d still runs", pid)
}

// zombie: an orphan whose new parent (in a container, often one that never
// waits) has not collected it.
func zombie(pid int) bool {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(data), ") Z ")
}

func TestAskAndConfigure(t *testing.T) {
	p := open(t, process.Config{Settings: sdk.Settings{"key": json.RawMessage(`"first"`)}})
	if got := ask(t, p, "key"); got != `"first"` {
		t.Errorf("got %s", got)
	}
	if err := p.Configure(t.Context(), sdk.Settings{"key": json.RawMessage(`"wrong"`)}); !errors.Is(err, sdk.Unauthenticated) {
		t.Errorf("got %v", err)
	}
	if err := p.Configure(t.Context(), sdk.Settings{"key": json.RawMessage(`"second"`)}); err != nil {
		t.Fatal(err)
	}
	pid := ask(t, p, "pid")
	if got := ask(t, p, "key"); got != `"second"` || pid != ask(t, p, "pid") {
		t.Errorf("got %s", got)
	}
	if d, err := p.Describe(t.Context()); err != nil || d.Name != "puppet" {
		t.Errorf("got %+v, %v", d, err)
	}
	if got := ask(t, p, "big 8388608"); len(got) != 8<<20 {
		t.Errorf("got %d bytes", len(got))
	}
}

func TestRefusedSettingsDoNotStartAgain(t *testing.T) {
	p := open(t, process.Config{Settings: sdk.Settings{"key": json.RawMessage(`"wrong"`)}})
	for range 3 {
		if _, err := say(t.Context(), p, "x"); !errors.Is(err, sdk.Unauthenticated) {
			t.Errorf("got %v", err)
		}
	}
	if err := p.Configure(t.Context(), sdk.Settings{}); err != nil {
		t.Error(err)
	}
	ask(t, p, "x")
}

func TestSurroundings(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "sk-canary")
	t.Setenv("HTTPS_PROXY", "http://proxy.invalid")
	t.Setenv("MINE", "granted")
	p := open(t, process.Config{Env: []string{"MINE"}})
	env := ask(t, p, "env")
	if strings.Contains(env, "canary") || !strings.Contains(env, "HTTPS_PROXY=http://proxy.invalid") || !strings.Contains(env, "MINE=granted") {
		t.Errorf("got %s", env)
	}
	if got := ask(t, p, "stdin"); strings.HasPrefix(got, "1") {
		t.Errorf("the plugin reads our standard input: %s", got)
	}
	ask(t, p, "shout") // must not block it
	ask(t, p, "x")
}

// What a plugin logs reaches the host with its level, and no more of it than the
// host keeps.
func TestTheLogKeepsItsLevel(t *testing.T) {
	for level, want := range map[hclog.Level]string{hclog.Debug: "[DEBUG] in detail[WARN] careful", hclog.Info: "[WARN] careful"} {
		var b syncBuffer
		p := open(t, process.Config{Logger: hclog.New(&hclog.LoggerOptions{Level: level, Output: &b})})
		ask(t, p, "log x")
		p.Close()
		got := ""
		for line := range strings.Lines(b.String()) {
			for _, said := range []string{"in detail", "careful"} {
				if strings.Contains(line, said) {
					got += line[strings.Index(line, "["):strings.Index(line, "]")+1] + " " + said
				}
			}
		}
		if strings.ReplaceAll(got, "  ", " ") != want {
			t.Errorf("at level %s: got %q of\n%s", level, got, b.String())
		}
	}
}

// A syncBuffer takes what many goroutines write.
type syncBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

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

func TestBadPlugins(t *testing.T) {
	missing := store.Plugin{Name: "x", Path: "/does/not/exist"}
	for _, c := range []struct {
		plugin store.Plugin
		says   string
	}{
		{missing, "/does/not/exist"},
		{install(t, "garbage"), "could not find my library"},
		{install(t, "garbage"), "ended (exit status 7)"},
		{install(t, "stillborn"), "ended (signal: killed)"},
		{install(t, "mute"), "timeout"},
		{install(t, "mute"), "it must print 1|1|unix|SOCKET|grpc and a newline"},
		{install(t, "future"), "the second number of its first line is the version of the protocol"},
		{install(t, "future"), "Plugin version: 7, Client versions: [1]"},
		{install(t, "far"), "must listen on a Unix socket in PLUGIN_UNIX_SOCKET_DIR"},
	} {
		p := open(t, process.Config{Plugin: c.plugin, StartTimeout: time.Second})
		start := time.Now()
		if _, err := say(t.Context(), p, "x"); !errors.Is(err, sdk.Internal) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "on standard output:\n") {
			t.Errorf("%s: got %v", c.plugin.Name, err)
		}
		if took := time.Since(start); took > 6*time.Second {
			t.Errorf("%s: took %v", c.plugin.Name, took)
		}
	}
}

// A plugin that leads to somebody else's socket is not believed.
func TestImpostor(t *testing.T) {
	onLinux(t)
	path := filepath.Join(shortDir(t), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := open(t, process.Config{Plugin: install(t, "impostor"), ExtraEnv: []string{"TEST_SOCKET=" + path}, StartTimeout: 5 * time.Second})
	if _, err := say(t.Context(), p, "x"); err == nil || !strings.Contains(err.Error(), "does not descend from the plugin") {
		t.Errorf("got %v", err)
	}
}

// A log file stays within its bounds, and holds no secret.
func TestLogFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "logs", "puppet.log")
	p := open(t, process.Config{LogFile: file, LogBytes: 40_000, Secret: []string{"key"}, Settings: sdk.Settings{"key": json.RawMessage(`"sk-canary-1"`)}})
	for range 300 {
		ask(t, p, "print the key is sk-canary-1 "+strings.Repeat("x", 900))
	}
	if err := p.Configure(t.Context(), sdk.Settings{"key": json.RawMessage(`"sk-canary-2"`)}); err != nil {
		t.Fatal(err)
	}
	ask(t, p, "print the key is sk-canary-2")
	p.Close()
	files, err := filepath.Glob(file + "*")
	if err != nil || len(files) != 4 {
		t.Errorf("%v, %v", files, err)
	}
	total := int64(0)
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("%v, %v", info, err)
		}
		total += info.Size()
		if data, err := os.ReadFile(name); err != nil || strings.Contains(string(data), "canary") {
			t.Errorf("%s has a secret, %v", name, err)
		}
	}
	if total > 40_000 || total < 20_000 {
		t.Errorf("%d bytes", total)
	}
	if data, err := os.ReadFile(file); err != nil || !strings.Contains(string(data), "the key is [secret]") || !strings.Contains(string(data), "ended: exit status 0") {
		t.Errorf("%.300s, %v", data, err)
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

func TestRunDirIsRemoved(t *testing.T) {
	base := shortDir(t)
	dir, err := process.OpenRunDir(base)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir.Path()); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("got %v, %v", info, err)
	}
	p := open(t, process.Config{RunDir: dir})
	ask(t, p, "x")
	if sockets := socketsIn(t, base); len(sockets) != 1 {
		t.Errorf("got %v", sockets)
	}
	p.Close()
	if entries, err := os.ReadDir(dir.Path()); err != nil || len(entries) != 1 { // its lock
		t.Errorf("left %v, %v", entries, err)
	}
	if err := dir.Close(); err != nil {
		t.Error(err)
	}
	if entries, _ := os.ReadDir(base); len(entries) != 0 {
		t.Errorf("left %v", entries)
	}
}

func socketsIn(t testing.TB, base string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(base, func(path string, e os.DirEntry, err error) error {
		if err == nil && e.Type()&os.ModeSocket != 0 {
			list = append(list, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestRunDirsOfTheDeadAreSwept(t *testing.T) {
	base := shortDir(t)
	living, err := process.OpenRunDir(base)
	if err != nil {
		t.Fatal(err)
	}
	defer living.Close()
	for _, path := range []string{"cortex-host-1/p1", "cortex-host-mine", "cortex-host-open"} {
		if err := os.MkdirAll(filepath.Join(base, path), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"cortex-host-1/lock", "cortex-host-open/lock"} { // nobody holds it
		if err := os.WriteFile(filepath.Join(base, path), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(base, "cortex-host-open"), 0o755); err != nil {
		t.Fatal(err)
	}
	next, err := process.OpenRunDir(base)
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	for path, want := range map[string]bool{living.Path(): true, next.Path(): true,
		base + "/cortex-host-1": false, base + "/cortex-host-mine": true, base + "/cortex-host-open": true} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s: there: %v", path, err == nil)
		}
	}
}

// However far its removal has come when its host is killed, a run directory is
// either locked by nobody or of a name that says that it may go.
func TestARunDirIsNeverLeftWithoutItsLock(t *testing.T) {
	base := shortDir(t)
	for range 8 {
		dir, err := process.OpenRunDir(base)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 300 {
			if err := os.WriteFile(filepath.Join(dir.Path(), fmt.Sprint("p", i)), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		closed := make(chan struct{})
		go func() { defer close(closed); dir.Close() }()
		for open := true; open; {
			select {
			case <-closed:
				open = false
			default:
			}
			_, lockErr := os.Lstat(filepath.Join(dir.Path(), "lock"))
			if _, err := os.Lstat(dir.Path()); err == nil && lockErr != nil {
				t.Error("it is there without its lock: nobody would ever remove it")
				open = false
			}
		}
		<-closed
	}
	old := filepath.Join(base, ".cortex-host-1", "p1")
	if err := errors.Join(os.MkdirAll(old, 0o700), os.Chtimes(filepath.Dir(old), time.Time{}, time.Now().Add(-2*time.Hour))); err != nil {
		t.Fatal(err)
	}
	next, err := process.OpenRunDir(base)
	if err != nil {
		t.Fatal(err)
	}
	next.Close()
	if left, err := os.ReadDir(base); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestALongRunDirIsNamed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("x", 80))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := process.OpenRunDir(dir); err == nil || !strings.Contains(err.Error(), "TMPDIR") {
		t.Errorf("got %v", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("left %v", entries)
	}
}

func TestALongTMPDIRIsAvoided(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("x", 80))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	plugin := install(t, "puppet")
	t.Setenv("TMPDIR", dir)
	if _, err := process.Describe(t.Context(), plugin, ""); err != nil {
		t.Error(err)
	}
}

// hostUntilKilled is a host that tells its plugin's pid and waits for the end.
func hostUntilKilled(dir string) {
	p, err := process.New(process.Config{Plugin: store.Plugin{Name: "puppet", Path: filepath.Join(dir, "cortex-provider-puppet")}})
	if err != nil {
		panic(err)
	}
	pid, err := say(context.Background(), p, "pid")
	if err != nil {
		panic(err)
	}
	fmt.Println(pid)
	time.Sleep(time.Hour)
}

func TestAKilledHostLeavesNothing(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("needs Linux: the kernel ends the plugin with its host")
	}
	plugin := install(t, "puppet")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	host := exec.Command(self)
	host.Env = append(os.Environ(), "TEST_HOST_DIR="+filepath.Dir(plugin.Path))
	out, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscan(out, &pid); err != nil {
		t.Fatal(err)
	}
	if !alive(pid) {
		t.Fatal("the plugin does not run")
	}
	_ = host.Process.Kill()
	_ = host.Wait()
	gone(t, pid)
}

func TestDescribe(t *testing.T) {
	plugin, cache := install(t, "puppet"), filepath.Join(t.TempDir(), "cache")
	first, err := process.Describe(t.Context(), plugin, cache)
	if err != nil || first.Name != "puppet" {
		t.Fatalf("got %+v, %v", first, err)
	}
	files, err := filepath.Glob(filepath.Join(cache, "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("got %v, %v", files, err)
	}
	// The second answer comes from the cache: what is written there is said.
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files[0], []byte(strings.Replace(string(data), "A puppet", "From the cache", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if d, err := process.Describe(t.Context(), plugin, cache); err != nil || d.Summary != "From the cache" {
		t.Errorf("got %+v, %v", d, err)
	}
	if err := os.WriteFile(files[0], []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if d, err := process.Describe(t.Context(), plugin, cache); err != nil || d.Summary != "A puppet" {
		t.Errorf("got %+v, %v", d, err)
	}
}

func Example() {
	p, err := process.New(process.Config{Plugin: store.Plugin{Name: "none", Path: "/does/not/exist"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()
	_, err = p.Complete(context.Background(), &sdk.Query{ID: "q"})
	fmt.Println(sdk.KindOf(err))
	// Output: internal
}
