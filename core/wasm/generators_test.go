package wasm_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/core/wasm"
	"github.com/cortexlinux/cortex-host/sdk"
)

var built struct {
	sync.Mutex
	modules map[string][]byte
}

// goGenerator builds one of the generators of this repository and packs it.
func goGenerator(t testing.TB, name string) *wasm.Module {
	t.Helper()
	m, err := buildGenerator(name)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// buildGenerator is goGenerator for an example.
func buildGenerator(name string) (*wasm.Module, error) {
	built.Lock()
	defer built.Unlock()
	if built.modules == nil {
		built.modules = map[string][]byte{}
	}
	if built.modules[name] == nil {
		dir := filepath.Join("..", "..", "wasm-generators", name)
		part := filepath.Join(sharedCache, name+".part")
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", part, ".")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("go build %s: %w\n%s", name, err, out)
		}
		module, err := os.ReadFile(part)
		if err != nil {
			return nil, err
		}
		manifest, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
		if err != nil {
			return nil, err
		}
		if built.modules[name], err = wasm.Pack(module, manifest); err != nil {
			return nil, err
		}
	}
	return wasm.Parse(name+".wasm", built.modules[name])
}

// newRunner returns a runner whose cache all tests share.
func newRunner(t testing.TB, c wasm.Config) *wasm.Runner {
	t.Helper()
	if c.CacheDir == "" {
		c.CacheDir = sharedCache
	}
	if c.Limits.CompileTimeout == 0 {
		c.Limits.CompileTimeout = 10 * time.Minute // a busy machine is no failure
	}
	r, err := wasm.NewRunner(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// collect runs a module to its end.
func collect(r *wasm.Runner, m *wasm.Module, req wasm.Request) (queries []sdk.Query, items []*sdk.ItemError, end error) {
	for q, err := range r.Generate(context.Background(), m, req) {
		var item *sdk.ItemError
		switch {
		case errors.As(err, &item):
			items = append(items, item)
		case err != nil:
			end = err
		default:
			queries = append(queries, q)
		}
	}
	return queries, items, end
}

func TestPackageGenerator(t *testing.T) {
	r := newRunner(t, wasm.Config{Log: func(_, line string) { t.Log(line) }})
	queries, items, err := collect(r, goGenerator(t, "package"), wasm.Request{Items: wasm.Texts("nginx", "redis", "two words")})
	if err != nil {
		t.Fatal(err)
	}
	if len(queries) != 2 || queries[0].ID != "pkg_nginx" || queries[1].ID != "pkg_redis" {
		t.Errorf("queries %+v", queries)
	}
	if len(items) != 1 {
		t.Errorf("item errors %v", items)
	}
	q := queries[0]
	if q.TaskType != sdk.SystemOperation || q.Metadata["package"] != "nginx" || len(q.Messages) != 2 {
		t.Errorf("query %+v", q)
	}
}

func TestErrorGenerator(t *testing.T) {
	r := newRunner(t, wasm.Config{})
	items := []wasm.Item{
		{JSON: []byte(`{"id":"E1","message":"No space left on device"}`)},
		{Text: "Nov 24 01:02:03 web sshd[812]: Connection closed by 10.0.0.1 port 4711"},
		{Text: "Nov 24 01:02:09 web sshd[977]: Connection closed by 10.0.0.9 port 22"},
		{JSON: []byte(`{"MESSAGE":"Connection closed by 10.0.0.2 port 1","SYSLOG_IDENTIFIER":"sshd"}`)},
		{JSON: []byte(`{"MESSAGE":[98,97,100,255],"_SYSTEMD_UNIT":"x.service"}`)},
		{Text: ""},
		{JSON: []byte(`{"id":"E2"}`)},
	}
	queries, failed, err := collect(r, goGenerator(t, "error"), wasm.Request{Items: func(yield func(wasm.Item, error) bool) {
		for _, i := range items {
			if !yield(i, nil) {
				return
			}
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if len(queries) != 3 || queries[0].ID != "err_E1" || !strings.Contains(queries[0].Messages[1].Text, "Seen: once\n") || !strings.Contains(queries[1].Messages[1].Text, "Seen: 3 times") || queries[1].Metadata["count"] != "3" || queries[2].Metadata["original_error"] != "bad\uFFFD" {
		t.Errorf("queries %+v", queries)
	}
	if len(failed) != 1 || failed[0].ID != "err_E2" {
		t.Errorf("failed items %v", failed)
	}
}

func TestHardwareGeneratorAsksAboutEverything(t *testing.T) {
	r := newRunner(t, wasm.Config{})
	queries, _, err := collect(r, goGenerator(t, "hardware"), wasm.Request{})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, q := range queries {
		ids = append(ids, q.ID)
	}
	if got := strings.Join(ids, " "); got != "hw_gpu hw_cpu hw_ram hw_storage hw_network" {
		t.Errorf("queries %s", got)
	}
}
