package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/cortexlinux/cortex-host/core/confine"
	"github.com/cortexlinux/cortex-host/core/store"
)

// probeName is what [confine.Main] knows the probe by.
const probeName = "provider-probe"

// A ProbeResult is one thing that a confined process tried and should not be
// able to do.
type ProbeResult struct {
	// Name is stable: host_environment, host_memory, host_descriptors,
	// host_tracing, other_environment, read_home, list_home, write_outside,
	// signal_host, signal_other, privileges, core_dump, namespace,
	// abstract_socket, unix_socket, list_sockets, list_runs, watch_runs, egress,
	// daemon.
	Name string `json:"name"`
	// Measure is the measure of the report that is meant to deny it; empty:
	// there is none so far, on any kernel.
	Measure string `json:"measure,omitempty"`
	// Denied says that the attempt failed as it should.
	Denied bool `json:"denied"`
	// Detail is the error, or what was possible.
	Detail string `json:"detail,omitempty"`
}

// Containment is what this machine really enforces on plugins.
type Containment struct {
	// Report says what was applied before the plugin began.
	Report confine.Report `json:"report"`
	// Probe says what was tried in there.
	Probe []ProbeResult `json:"probe"`
}

// A target is what a probe tries to reach: things that exist and that the host
// itself can reach, so that failing proves something.
type target struct {
	Host     int    `json:"host"`     // a process
	Other    int    `json:"other"`    // another plugin's process
	File     string `json:"file"`     // below the user's home
	TCP      string `json:"tcp"`      // a listener of the host
	Unix     string `json:"unix"`     // another
	Abstract string `json:"abstract"` // another
	Wait     bool   `json:"wait"`     // try nothing, be the other plugin
}

// Child is the job that [confine.Main] must know for [Contain].
func Child() confine.Child {
	return confine.Child{Name: probeName, Run: func(args []string) int {
		var t target
		if len(args) != 1 || json.Unmarshal([]byte(args[0]), &t) != nil {
			return 1
		}
		if t.Wait {
			_, _ = io.Copy(io.Discard, os.Stdin)
			return 0
		}
		if json.NewEncoder(os.Stdout).Encode(t.try()) != nil {
			return 1
		}
		_, _ = io.Copy(io.Discard, os.Stdin) // so that its daemon is found below it
		return 0
	}}
}

// Contain starts a process as a plugin under cfg would be, lets it try what a
// plugin must not be able to do, and tells what came of it. Of cfg only what is
// about confinement matters.
func Contain(ctx context.Context, cfg Config) (*Containment, error) {
	if !supervised {
		return nil, errors.New("this system does not confine plugins")
	}
	cfg.Plugin = store.Plugin{Name: "probe", Path: "probe"}
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, cfg.StartTimeout)
	defer cancel()
	dir, err := OpenRunDir("")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	t, done, err := newTarget()
	if err != nil {
		return nil, fmt.Errorf("probe: %w", err)
	}
	defer done()
	other, err := startProbe(&cfg, dir, target{Wait: true})
	if err != nil {
		return nil, err
	}
	defer other.end()
	if _, t.Other, err = other.process.Report(ctx); err != nil {
		return nil, err
	}
	probe, err := startProbe(&cfg, dir, *t)
	if err != nil {
		return nil, err
	}
	defer probe.end()
	c := &Containment{}
	if c.Report, _, err = probe.process.Report(ctx); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, probe.process.Kill)
	defer stop()
	var tried attempts
	if err := json.NewDecoder(probe.out).Decode(&tried); err != nil {
		return nil, fmt.Errorf("probe: it ended without an answer: %w", err)
	}
	probe.end()
	c.Probe = append(tried.Results, tried.daemonEnded())
	return c, nil
}

// newTarget makes what a probe tries to reach.
func newTarget() (t *target, done func(), err error) {
	home, err := os.UserHomeDir()
	dir := ""
	if err == nil {
		dir, err = os.MkdirTemp(home, ".cortex-host-probe-")
	}
	if err != nil { // no home that can be written to
		dir, err = os.MkdirTemp("", ".cortex-host-probe-")
	}
	if err != nil {
		return nil, nil, err
	}
	var listeners []net.Listener
	done = func() {
		for _, l := range listeners {
			l.Close()
		}
		os.RemoveAll(dir)
	}
	listen := func(network, address string) string {
		l, listenErr := net.Listen(network, address)
		if listenErr != nil {
			return "" // the attempt will find nothing and say so
		}
		listeners = append(listeners, l)
		return l.Addr().String()
	}
	t = &target{Host: os.Getpid(), File: filepath.Join(dir, "file"),
		TCP: listen("tcp", "127.0.0.1:0"), Unix: listen("unix", filepath.Join(dir, "s")),
		Abstract: listen("unix", fmt.Sprintf("@cortex-host-probe-%d-%d", os.Getpid(), time.Now().UnixNano()))}
	if err := os.WriteFile(t.File, []byte("x"), 0o600); err != nil {
		done()
		return nil, nil, err
	}
	return t, done, nil
}

// A probe is a running process that tries, or is there to be tried on.
type probe struct {
	process *confine.Process
	in, out *os.File
}

func startProbe(cfg *Config, dir *RunDir, t target) (*probe, error) {
	room, err := dir.room()
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	policy := cfg.policy(&store.Image{}, room)
	policy.Name = ""
	cmd, err := confine.ChildCommand(nil, policy, probeName, string(raw))
	if err != nil {
		return nil, err
	}
	cmd.Env = []string{"TMPDIR=" + filepath.Join(room, "tmp"), "SECRET=of another plugin"}
	in, toIn, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	out, toOut, err := os.Pipe()
	if err != nil {
		toIn.Close()
		return nil, err
	}
	defer toOut.Close()
	cmd.Stdin, cmd.Stdout = in, toOut
	p := &probe{in: toIn, out: out}
	if p.process, err = confine.Start(cmd); err != nil {
		toIn.Close()
		out.Close()
		return nil, err
	}
	return p, nil
}

// end ends the process with all that descends from it. It may be called twice.
func (p *probe) end() {
	p.process.Kill()
	_ = p.process.Wait() // it was killed
	p.in.Close()
	p.out.Close()
}

// attempts are what a probe found out, and the daemon that it left.
type attempts struct {
	Results []ProbeResult `json:"results"`
	Daemon  int           `json:"daemon"`
	Error   string        `json:"error,omitempty"` // of starting it
}

// daemonEnded reports whether the daemon is gone, a moment after its plugin.
func (a *attempts) daemonEnded() ProbeResult {
	r := ProbeResult{Name: "daemon", Measure: "supervisor", Denied: true, Detail: a.Error}
	if a.Daemon == 0 {
		return r
	}
	for range 100 {
		if syscall.Kill(a.Daemon, 0) != nil {
			r.Detail = "it was ended with the plugin"
			return r
		}
		time.Sleep(10 * time.Millisecond)
	}
	r.Denied, r.Detail = false, "it outlives the plugin"
	return r
}
