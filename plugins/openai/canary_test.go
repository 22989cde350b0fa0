package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/cortexlinux/cortex-host/core/process"
	"github.com/cortexlinux/cortex-host/core/store"
	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

// safeBuffer is a buffer that a logger may write to from many goroutines.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// A key that the host hands to the plugin's process leaves no trace: not in
// logs, arguments, the environment of any process, answers or errors.
func TestCanaryKeys(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the plugin")
	}
	keys := map[string]string{"api_key": "canary-key-4d7e21", "header": "canary-header-90bc3f"}
	path := filepath.Join(t.TempDir(), "cortex-provider-openai")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	vendor, err := upstream.Start(upstream.Config{Script: func(r upstream.Request) upstream.Reply {
		if r.Query != "echo" {
			return upstream.Reply{}
		}
		body, _ := json.Marshal(map[string]string{"error": fmt.Sprint(r.Header)})
		return upstream.Reply{Status: 401, Body: body}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer vendor.Close()
	var logs safeBuffer
	p, err := process.New(process.Config{
		Plugin: store.Plugin{Name: "openai", Path: path},
		Settings: sdk.Settings{
			"base_url": quote(vendor.URL() + "/v1"), "api_key": quote(keys["api_key"]),
			"headers": json.RawMessage(`{"X-Api-Key":"` + keys["header"] + `"}`),
		},
		Logger: hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: &logs}),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()

	var said []string
	for _, text := range []string{"hello", "echo"} {
		r, err := p.Complete(t.Context(), query(text))
		said = append(said, fmt.Sprintf("%+v %+v %#v", r, err, err))
	}
	refused := p.Configure(t.Context(), sdk.Settings{"api_key": quote(keys["api_key"] + "\n"), "headers": quote(keys["header"])})
	said = append(said, fmt.Sprintf("%+v", refused))
	if got := vendor.Requests()[0].Header.Get("Authorization"); got != "Bearer "+keys["api_key"] {
		t.Fatalf("the vendor got %q: the test proves nothing", got)
	}
	said = append(said, processes(t)...)
	p.Close()
	said = append(said, logs.String())
	for name, key := range keys {
		for _, text := range said {
			if i := strings.Index(text, key); i >= 0 {
				t.Errorf("the %s shows: ...%s", name, text[max(0, i-200):i+len(key)])
			}
		}
	}
}

// processes returns the arguments and the environment of every process that we
// may look at.
func processes(t *testing.T) (all []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range files {
		for _, name := range []string{"cmdline", "environ"} {
			data, err := os.ReadFile(filepath.Join(dir, name))
			if err == nil {
				all = append(all, string(data))
			}
		}
	}
	return all
}
