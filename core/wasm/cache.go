package wasm

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"
)

// cache is the directory of compiled modules. Each module has a directory of
// its own in there, which one child may write while it compiles and others may
// read. The runtime guards its files with a checksum only, so the directory
// must belong to this user alone.
type cache struct {
	dir string
	mu  sync.Mutex // one compilation at a time: they are hungry
}

// cacheDir makes the directory and refuses one that others could change.
func cacheDir(dir string) (string, error) {
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("there is no cache directory: %w (set Config.CacheDir)", err)
		}
		dir = filepath.Join(base, "cortex-host", "wasm")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return "", err
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return "", fmt.Errorf("others may write to the cache directory %s (mode %o): run chmod 700 on it", dir, mode)
	}
	if !ownedByUser(info) {
		return "", fmt.Errorf("the cache directory %s belongs to another user: choose one of your own", dir)
	}
	return dir, nil
}

// entry is where the module's compiled form lies. It depends on the runtime's
// version and the processor as well as on the module.
func (c *cache) entry(m *Module) string {
	return filepath.Join(c.dir, m.SHA256+"-"+runtimeVersion()+"-"+runtime.GOOS+"-"+runtime.GOARCH)
}

// runtimeVersion is the version of the WebAssembly runtime in this program.
var runtimeVersion = sync.OnceValue(func() string {
	const path = "github.com/tetratelabs/wazero"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if dep.Path == path {
				return filepath.Base(dep.Version)
			}
		}
	}
	return "unknown"
})

// compile returns the module's cache entry and makes it if it is not there: in
// a child that can write to nothing but a new directory, which takes its place
// when the child is done.
func (r *Runner) compile(ctx context.Context, m *Module, limits Limits) (string, error) {
	entry := r.cache.entry(m)
	if _, err := os.Stat(entry); err == nil {
		now := time.Now()
		_ = os.Chtimes(entry, now, now) // for prune; a read-only cache is never pruned
		return entry, nil
	}
	r.cache.mu.Lock()
	defer r.cache.mu.Unlock()
	if _, err := os.Stat(entry); err == nil {
		return entry, nil
	}
	work := filepath.Join(r.cache.dir, "new-"+rand.Text())
	if err := os.Mkdir(work, 0o700); err != nil {
		return "", fmt.Errorf("compilation cache: %w", err)
	}
	defer os.RemoveAll(work)
	r.cache.prune()
	if err := r.compileInto(ctx, m, limits, work); err != nil {
		return "", err
	}
	// Another process may have been faster; its entry is as good.
	if err := os.Rename(work, entry); err != nil && !errors.Is(err, os.ErrExist) {
		if _, statErr := os.Stat(entry); statErr != nil {
			return "", fmt.Errorf("compilation cache: %w", err)
		}
	}
	return entry, nil
}

const (
	keepUnused = 30 * 24 * time.Hour // a compiled module that nobody uses
	keepBroken = time.Hour           // what an interrupted program left behind
)

// prune removes what is old. Failing to is no harm.
func (c *cache) prune() {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			continue
		}
		keep := keepUnused
		if strings.HasPrefix(e.Name(), "new-") || strings.HasPrefix(e.Name(), "probe-") {
			keep = keepBroken
		}
		if time.Since(info.ModTime()) > keep {
			_ = os.RemoveAll(filepath.Join(c.dir, e.Name()))
		}
	}
}

func (r *Runner) compileInto(ctx context.Context, m *Module, limits Limits, dir string) error {
	job := childJob{Job: jobCompile, Cache: dir, MemoryMB: limits.MemoryMB}
	policy := r.policy(limits)
	policy.FileBytes = 512 << 20
	policy.WritePaths = []string{dir}
	policy.CPU = limits.CompileTimeout + limits.CompileTimeout/2
	c, err := r.start(m, job, policy)
	if err != nil {
		return err
	}
	defer c.close()
	c.stdin.Close()
	watch := newStopwatch(limits.CompileTimeout, c.process.Kill)
	watch.start()
	defer watch.stop()
	stopOnDone := context.AfterFunc(ctx, c.process.Kill)
	defer stopOnDone()
	end, err := c.readEnd()
	if err == nil && end.Reason == "" {
		return nil
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case watch.expired():
		return failf(Deadline, "compiling it took longer than %v (raise --generator-timeout if it needs longer; it is done once)", limits.CompileTimeout).named(m.Name())
	}
	return c.explain(end, err).named(m.Name())
}

// readEnd reads frames until the last one.
func (c *child) readEnd() (*childEnd, error) {
	buf := make([]byte, maxFrame)
	for {
		kind, payload, err := readFrame(c.stdout, buf)
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		if kind == frameEnd {
			return parseEnd(payload)
		}
	}
}
