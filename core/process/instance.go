package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider"
)

// maxRunDir leaves room for the socket's name: the kernel takes 107 bytes.
const maxRunDir = 69

// An instance is one life of a plugin: from its start to its end.
type instance struct {
	cfg    *Config
	plugin *plugin.Client
	client *provider.Client
	child  *child // nil for a plugin that somebody else started
	words  tail
	runDir string

	waiting  atomic.Int64 // calls that wait for an answer
	watching sync.WaitGroup
	stopping chan struct{}
	once     sync.Once
}

// newInstance starts the plugin and connects. On an error nothing is left.
func newInstance(cfg *Config) (i *instance, err error) {
	i = &instance{cfg: cfg, stopping: make(chan struct{})}
	defer func() {
		if err != nil {
			i.stop()
		}
	}()
	// The directory keeps the socket from other users.
	if i.runDir, err = os.MkdirTemp(placeFor(cfg.RunDir), "cortex-host-"); err != nil {
		return i, sdk.Errorf(sdk.Internal, "no place for the plugin's socket: %w", err)
	}
	if len(i.runDir) > maxRunDir {
		return i, sdk.Errorf(sdk.Internal, "the path %s is too long for a socket (%d bytes, at most %d); set TMPDIR to a shorter one", i.runDir, len(i.runDir), maxRunDir)
	}
	i.plugin = plugin.NewClient(i.clientConfig())
	protocol, err := i.plugin.Client()
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
	i.watching.Go(i.watch)
	return i, nil
}

// placeFor returns where to make the socket's directory: where the caller wants
// it, else the usual place, else the first that is short enough for a socket.
func placeFor(runDir string) string {
	if runDir != "" {
		return runDir
	}
	for _, dir := range []string{os.TempDir(), os.Getenv("XDG_RUNTIME_DIR"), "/tmp"} {
		if info, err := os.Stat(dir); dir != "" && len(dir) <= maxRunDir-len("/cortex-host-1234567890") && err == nil && info.IsDir() {
			return dir
		}
	}
	return os.TempDir()
}

func (i *instance) clientConfig() *plugin.ClientConfig {
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
	c.UnixSocketConfig = &plugin.UnixSocketConfig{TempDir: i.runDir}
	c.RunnerFunc = func(_ hclog.Logger, spec *exec.Cmd, _ string) (runner.Runner, error) {
		i.child = newChild(i.cfg.Plugin.Path, slices.Concat(environment(i.cfg.Env), i.cfg.logLevel(), i.cfg.ExtraEnv, spec.Env))
		return i.child, nil
	}
	return c
}

// startError says why the plugin did not start, with its last words.
func (i *instance) startError(err error) *sdk.Error {
	e := sdk.Errorf(sdk.Internal, "the plugin %s did not start: %w", i.cfg.Plugin.Path, err)
	e.Message += i.lastWords()
	return e
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

// complete asks the plugin. An answer that did not come because the process
// died is told with its last words.
func (i *instance) complete(ctx context.Context, q *sdk.Query) (*sdk.Response, error) {
	i.waiting.Add(1)
	defer i.waiting.Add(-1)
	r, err := i.client.Complete(ctx, q)
	var e *sdk.Error
	if err == nil || !errors.As(err, &e) || e.Kind != sdk.Internal || i.child == nil || e.Cause == nil {
		return r, err
	}
	// The connection breaks a moment before the process is known to have ended.
	select {
	case <-i.child.done():
		e.Message = fmt.Sprintf("the plugin died: %s", i.child.ending()) + i.lastWords()
	case <-ctx.Done():
	case <-time.After(time.Second):
	}
	return nil, e
}

// watch asks the plugin for a sign of life while calls wait for it, and ends it
// if none comes.
func (i *instance) watch() {
	if i.child == nil {
		return // under a debugger, which may hold it for as long as it likes
	}
	tick := time.NewTicker(i.cfg.HangTimeout)
	defer tick.Stop()
	for {
		select {
		case <-i.stopping:
			return
		case <-i.child.done():
			return
		case <-tick.C:
		}
		if i.waiting.Load() == 0 {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), i.cfg.HangTimeout)
		_, err := i.client.Describe(ctx)
		silent := errors.Is(err, context.DeadlineExceeded)
		cancel()
		if silent {
			fmt.Fprintf(&i.words, "no sign of life for %v: killed\n", i.cfg.HangTimeout)
			i.cfg.Logger.Error("the plugin hangs; killing it", "plugin", i.cfg.Name)
			i.child.process.Kill()
			return
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
				_ = i.child.Kill(context.Background()) // its group too, in any case
			}
			<-ended
		}
		i.watching.Wait()
		if i.runDir != "" {
			os.RemoveAll(i.runDir)
		}
	})
}
