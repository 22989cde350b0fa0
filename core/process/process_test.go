package process_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/cortexlinux/cortex-host/core/process"
	"github.com/cortexlinux/cortex-host/core/store"
	"github.com/cortexlinux/cortex-host/sdk"
)

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
