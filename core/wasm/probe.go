package wasm

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/cortexlinux/cortex-host/core/confine"
)

// A ProbeResult is one thing that a confined child tried and must not be able
// to do.
type ProbeResult struct {
	// Name is stable: read_file, list_directory, write_file, cache_write,
	// connect, listen, udp, unix_socket, fork, core_dump, environment, memory,
	// processor_time; on Linux also signal, trace, raise_limits, powers.
	Name string `json:"name"`
	// Denied says that the attempt failed as it should.
	Denied bool `json:"denied"`
	// Detail is the error, or what was possible.
	Detail string `json:"detail,omitempty"`
}

// probeTargets are what a child tries to reach: things that exist and that the
// host itself can reach, so that failing proves something.
type probeTargets struct {
	File    string `json:"file"`    // readable by the host
	Dir     string `json:"dir"`     // listable and writable by the host
	Address string `json:"address"` // a TCP listener of the host
	Cache   string `json:"cache"`   // the cache entry that the child may read
	Host    int    `json:"host"`    // the host's process
	Memory  uint64 `json:"memory"`  // more bytes than the child may have
}

// try attempts everything and reports it.
func (t *probeTargets) try() []ProbeResult {
	var list []ProbeResult
	attempt := func(name string, f func() error) {
		err := f()
		r := ProbeResult{Name: name, Denied: err != nil, Detail: "possible"}
		if err != nil {
			r.Detail = err.Error()
		}
		list = append(list, r)
	}
	attempt("read_file", func() error { _, err := os.ReadFile(t.File); return err })
	attempt("list_directory", func() error { _, err := os.ReadDir(t.Dir); return err })
	attempt("write_file", func() error {
		return os.WriteFile(filepath.Join(t.Dir, "written-by-a-guest"), nil, 0o600)
	})
	attempt("cache_write", func() error {
		return os.WriteFile(filepath.Join(t.Cache, "written-by-a-guest"), nil, 0o600)
	})
	attempt("connect", func() error {
		c, err := net.Dial("tcp", t.Address)
		if err == nil {
			c.Close()
		}
		return err
	})
	attempt("listen", func() error {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err == nil {
			l.Close()
		}
		return err
	})
	attempt("udp", func() error {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err == nil {
			c.Close()
		}
		return err
	})
	attempt("unix_socket", func() error {
		fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
		if err == nil {
			syscall.Close(fds[0])
			syscall.Close(fds[1])
		}
		return err
	})
	attempt("fork", func() error {
		// This very child again, with nothing to do.
		cmd := exec.Command(t.self(), os.Args[1], childName, `{"job":"`+jobNothing+`"}`)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stderr, os.Stderr
		if err := cmd.Start(); err != nil {
			return err
		}
		_ = cmd.Wait()
		return nil
	})
	attempt("core_dump", func() error {
		var limit syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_CORE, &limit); err != nil {
			return err
		}
		if limit.Max == 0 {
			return errors.New("the limit is 0")
		}
		return nil
	})
	attempt("processor_time", func() error {
		var limit syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_CPU, &limit); err != nil {
			return err
		}
		if limit.Max < 1<<40 {
			return fmt.Errorf("it ends after %d s", limit.Max)
		}
		return nil
	})
	attempt("memory", func() error {
		b, err := syscall.Mmap(-1, 0, int(t.Memory), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
		if err == nil {
			_ = syscall.Munmap(b)
		}
		return err
	})
	t.trySystem(attempt)
	attempt("environment", func() error {
		for _, name := range []string{"HOME", "PATH", "USER"} {
			if _, ok := os.LookupEnv(name); ok {
				return nil
			}
		}
		return errors.New("it holds nothing of the host's")
	})
	return list
}

func (t *probeTargets) self() string {
	if path, err := os.Readlink("/proc/self/exe"); err == nil {
		return path
	}
	return os.Args[0]
}

// Containment is what this machine really enforces on guests.
type Containment struct {
	// Report says what was applied to the child before it began.
	Report confine.Report `json:"report"`
	// Probe says what it tried in there.
	Probe []ProbeResult `json:"probe"`
}

// Complete reports whether every attempt of the probe was denied.
func (c *Containment) Complete() bool {
	return len(c.Probe) > 0 && !slices.ContainsFunc(c.Probe, func(p ProbeResult) bool { return !p.Denied })
}

// Containment starts a child as for a guest, lets it try what a guest must not
// be able to do, and tells what came of it.
func (r *Runner) Containment(ctx context.Context) (*Containment, error) {
	dir, err := os.MkdirTemp(r.cache.dir, "probe-")
	if err != nil {
		return nil, fmt.Errorf("wasm: %w", err)
	}
	defer os.RemoveAll(dir)
	targets := &probeTargets{Dir: filepath.Join(dir, "host"), File: filepath.Join(dir, "host", "file"), Cache: filepath.Join(dir, "entry")}
	if err := errors.Join(os.Mkdir(targets.Dir, 0o700), os.Mkdir(targets.Cache, 0o700), os.WriteFile(targets.File, []byte("x"), 0o600)); err != nil {
		return nil, fmt.Errorf("wasm: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("wasm: %w", err)
	}
	defer listener.Close()
	targets.Address = listener.Addr().String()
	policy := r.policy(r.config.Limits)
	policy.ReadPaths = []string{targets.Cache}
	policy.Report = true
	targets.Host, targets.Memory = os.Getpid(), policy.DataBytes
	c, err := r.start(&Module{Path: "probe"}, childJob{Job: jobRun, Probe: targets}, policy)
	if err != nil {
		return nil, err
	}
	defer c.close()
	c.stdin.Close()
	stop := context.AfterFunc(ctx, c.process.Kill)
	defer stop()
	end, err := c.readEnd()
	if err != nil || end.Probe == nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, c.explain(end, err).named("probe")
	}
	return end.Probe, nil
}
