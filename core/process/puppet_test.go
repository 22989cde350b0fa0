package process_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
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
