package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/cortexlinux/cortex-host/core/store"
	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider"
)

// An instance is one life of a plugin: from its start to its end.
type instance struct {
	cfg    *Config
	plugin *plugin.Client
	client *provider.Client
	child  *child // nil for a plugin that somebody else started
	words  tail
	log    *logFile // nil is none
	room   string
	runDir *RunDir // of its own, nil if it is the run's

	waiting  atomic.Int64 // calls that wait for an answer
	broken   atomic.Bool  // it lives, and is of no use any more
	failures atomic.Int64 // of its own, in a row
	alive    atomic.Int64 // when it was last known to live, in ns since epoch
	watching sync.WaitGroup
	stopping chan struct{}
	once     sync.Once
}

// newInstance starts the plugin and connects. On an error nothing is left. If
// ctx ends before that, the start is given up.
func newInstance(ctx context.Context, cfg *Config, image *store.Image) (i *instance, err error) {
	i = &instance{cfg: cfg, stopping: make(chan struct{})}
	defer func() {
		if err != nil {
			i.stop()
		}
	}()
	if err := i.prepare(); err != nil {
		return i, sdk.Errorf(sdk.Internal, "the plugin %s cannot be started: %w", cfg.Plugin.Path, err)
	}
	i.plugin = plugin.NewClient(i.clientConfig(ctx, image))
	protocol, err := i.plugin.Client()
	if err != nil && ctx.Err() != nil {
		return i, sdk.Errorf(sdk.Internal, "the plugin %s was still starting: %w", cfg.Plugin.Path, context.Cause(ctx))
	}
	if err != nil {
		return i, i.startError(err)
	}
	raw, err := protocol.Dispense(provider.PluginName)
	if err != nil {
		return i, i.startError(err)
	}
	var ok bool
	if i.client, ok = raw.(*provider.Client); !ok {
		return i, i.startError(errors.New("go-plugin dispensed something else"))
	}
	i.client.Redact(i.words.secrets.clean)
	if i.child != nil {
		i.child.started()
	}
	i.watching.Go(i.watch)
	return i, nil
}

// prepare makes the directory and opens the log.
func (i *instance) prepare() (err error) {
	if i.cfg.LogFile != "" {
		if i.log, err = openLog(i.cfg.LogFile, i.cfg.LogBytes); err != nil {
			return err
		}
		i.words.next = i.log
	}
	if i.cfg.Reattach != nil {
		return nil
	}
	if i.cfg.CacheDir != "" {
		if err := os.MkdirAll(i.cfg.CacheDir, 0o700); err != nil {
			return fmt.Errorf("its own directory: %w", err)
		}
	}
	dir := i.cfg.RunDir
	if dir == nil {
		if dir, err = OpenRunDir(""); err != nil {
			return err
		}
		i.runDir = dir
	}
	i.room, err = dir.room()
	return err
}

// note writes a line of the host's own into the plugin's log.
func (i *instance) note(format string, args ...any) {
	if i.log != nil {
		fmt.Fprintf(i.log, "%s cortex-host[%d] %s: %s\n", time.Now().Format(time.RFC3339), os.Getpid(), i.cfg.Name, fmt.Sprintf(format, args...))
	}
}

// unenforced names what this system does not enforce on the plugin.
func (i *instance) unenforced() string {
	if i.child == nil {
		return ""
	}
	report, _, err := i.child.process.Report(context.Background())
	if err != nil {
		return ""
	}
	text := ""
	for _, m := range report.Measures {
		if !m.Enforced {
			text += fmt.Sprintf("; %s not enforced: %s", m.Name, m.Detail)
		}
	}
	return text
}

func (i *instance) clientConfig(ctx context.Context, image *store.Image) *plugin.ClientConfig {
	c := &plugin.ClientConfig{
		HandshakeConfig:  provider.Handshake(),
		Plugins:          provider.Plugins(nil),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		Logger:           i.cfg.Logger,
		GRPCDialOptions:  provider.DialOptions(),
	}
	if r := i.cfg.Reattach; r != nil {
		c.Reattach = &plugin.ReattachConfig{
			Protocol: plugin.ProtocolGRPC, ProtocolVersion: provider.ProtocolVersion, Pid: r.PID, Test: true,
			Addr: &net.UnixAddr{Net: r.Network, Name: r.Address},
		}
		return c
	}
	c.StartTimeout = i.cfg.StartTimeout
	c.SkipHostEnv = true
	c.Stderr, c.SyncStderr = &i.words, &i.words
	c.UnixSocketConfig = &plugin.UnixSocketConfig{TempDir: i.room}
	c.GRPCDialOptions = append(c.GRPCDialOptions, grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
		return i.child.dial(ctx, address)
	}))
	c.RunnerFunc = func(_ hclog.Logger, spec *exec.Cmd, _ string) (runner.Runner, error) {
		var err error
		i.child, err = newChild(ctx, i.cfg, image, i.room, &i.words, spec.Env)
		return i.child, err
	}
	return c
}

// startError says why the plugin did not start, with its last words. What
// go-plugin says of one that ended by itself is only that nothing came from it.
func (i *instance) startError(err error) *sdk.Error {
	if r := i.cfg.Reattach; r != nil {
		return sdk.Errorf(sdk.Internal, "the process %d cannot be asked: %w; start the plugin with --debug again, or unset %s", r.PID, err, provider.ReattachVariable)
	}
	e := sdk.Errorf(sdk.Internal, "the plugin %s did not start: %w", i.cfg.Plugin.Path, err)
	if i.dead() && !i.child.killed.Load() {
		e.Message = fmt.Sprintf("the plugin %s did not start: it ended (%s) before it could be asked; %s", i.cfg.Plugin.Path, i.child.ending(), i.child.Diagnose(context.Background()))
	}
	e.Message += startHint(err) + i.lastWords()
	return e
}

// startHint says how to mend what go-plugin finds at a start.
func startHint(err error) string {
	switch text := err.Error(); {
	case strings.Contains(text, "timeout while waiting for plugin to start"):
		return ": within that time it must print 1|1|unix|SOCKET|grpc and a newline on standard output, flushed, when its socket listens (WIRE.md, Start)"
	case strings.Contains(text, "incompatible API version"):
		return ": the second number of its first line is the version of the protocol; use a plugin for this cortex-host, or another cortex-host"
	case strings.Contains(text, "core API version"), strings.Contains(text, "core protocol version"),
		strings.Contains(text, "unsupported plugin protocol"), strings.Contains(text, "Unrecognized remote plugin message"):
		return ": its first line must be 1|1|unix|SOCKET|grpc (WIRE.md, Start)"
	}
	return ""
}

// lastWords returns what a dead process wrote at its end, ready to be appended
// to an error. It waits until all of it has been read.
func (i *instance) lastWords() string {
	for deadline := time.Now().Add(2 * drainTime); i.dead() && !i.plugin.Exited() && time.Now().Before(deadline); {
		time.Sleep(2 * time.Millisecond)
	}
	if words := i.words.lastWords(); words != "" {
		return "\n" + words
	}
	return ""
}

// dead reports whether the process has ended.
func (i *instance) dead() bool {
	if i.child == nil || i.child.process == nil {
		return false
	}
	select {
	case <-i.child.done():
		return true
	default:
		return false
	}
}

// maxFailures is how many failures of its own, in a row, a plugin may report
// before a new process takes its place.
const maxFailures = 3

// complete asks the plugin.
func (i *instance) complete(ctx context.Context, q *sdk.Query) (*sdk.Response, error) {
	i.waiting.Add(1)
	defer i.waiting.Add(-1)
	r, err := i.client.Complete(ctx, q)
	if err != nil {
		return nil, i.failed(ctx, err)
	}
	i.failures.Store(0)
	i.sign()
	return r, nil
}

// failed takes note of a failure and returns what to say of it. An answer that
// did not come because the process died is told with its last words.
func (i *instance) failed(ctx context.Context, err error) error {
	e, ok := errors.AsType[*sdk.Error](err)
	if !ok || e.Kind != sdk.Internal || i.child == nil {
		i.failures.Store(0)
		return err
	}
	if i.failures.Add(1) >= maxFailures {
		i.broken.Store(true) // a descriptor leak, say: a fresh process helps
	}
	if e.Cause == nil {
		return e // the plugin itself says so
	}
	// The connection breaks a moment before the process is known to have ended.
	select {
	case <-i.child.done():
		e.Message = fmt.Sprintf("the plugin died: %s", i.child.ending()) + i.lastWords()
		e.Cause = fmt.Errorf("%w: %w", sdk.ErrPluginBroke, e.Cause)
	case <-ctx.Done():
	case <-time.After(time.Second):
		if status.Code(e.Cause) == codes.Unavailable {
			i.broken.Store(true) // it lives, and does not speak gRPC
		}
	}
	return e
}

// useless reports whether another process must take this one's place.
func (i *instance) useless() bool { return i.dead() || i.broken.Load() }

// drain waits until no call is under way, at most for so long, or until hurry is
// closed.
func (i *instance) drain(most time.Duration, hurry <-chan struct{}) {
	for end := time.Now().Add(most); i.waiting.Load() > 0 && !i.dead() && time.Now().Before(end); {
		select {
		case <-hurry:
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// stop ends the plugin: it is asked to, and killed if it does not.
func (i *instance) stop() {
	i.once.Do(func() {
		close(i.stopping)
		if i.plugin != nil {
			ended := make(chan struct{})
			go func() { defer close(ended); i.plugin.Kill() }()
			select {
			case <-ended:
			case <-time.After(i.cfg.StopTimeout):
			}
			if i.child != nil && i.child.process != nil {
				_ = i.child.Kill(context.Background()) // what descends from it too, in any case
			}
			<-ended
		}
		i.watching.Wait()
		if i.room != "" {
			os.RemoveAll(i.room)
		}
		if i.runDir != nil {
			i.runDir.Close()
		}
		if i.child != nil && i.child.process != nil {
			i.note("ended: %s", i.child.ending())
		}
		if i.log != nil {
			i.log.Close()
		}
	})
}
