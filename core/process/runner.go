package process

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"

	"github.com/cortexlinux/cortex-host/core/confine"
	"github.com/cortexlinux/cortex-host/core/store"
)

// drainTime is how long the pipes of a dead process are still read: a
// grandchild that inherited them must not keep us reading for ever.
const drainTime = 500 * time.Millisecond

// child is go-plugin's view of the process: a runner. go-plugin's own would
// give the plugin our standard input, survive us, and spare grandchildren.
type child struct {
	ctx     context.Context // of the start
	started func() bool     // ends the watch over ctx
	path    string
	room    string // its directory
	cmd     *exec.Cmd
	process *confine.Process
	words   *tail  // gets what it prints on standard output, and knows its secrets
	address string // of its socket, once it has told

	stdout, stderr *os.File
	// said is what go-plugin sees of its standard output.
	said *io.PipeReader
	// stdin is our end of the plugin's standard input; it ends with us.
	stdin  *os.File
	once   sync.Once
	silent atomic.Bool // its standard output has ended
	killed atomic.Bool // it did not end by itself
}

var _ runner.Runner = (*child)(nil)

// imageFD is the descriptor at which the child finds its program.
const imageFD = 3

// newChild readies the process that runs the image. env is what go-plugin adds
// to the environment. If ctx ends before started is called, so does the process.
func newChild(ctx context.Context, cfg *Config, image *store.Image, room string, words *tail, env []string) (*child, error) {
	path := cfg.Plugin.Path
	if image.File != nil {
		path = fmt.Sprintf("/proc/self/fd/%d", imageFD)
	}
	cmd, err := confine.Command(cfg.policy(image, room), path)
	if err != nil {
		return nil, err
	}
	if image.File != nil {
		cmd.ExtraFiles = []*os.File{image.File}
	}
	cmd.Env = append(append(cfg.environment(image), "TMPDIR="+filepath.Join(room, "tmp")), env...)
	// Not go-plugin's directory in it: a socket's path is short.
	cmd.Env = append(cmd.Env, plugin.EnvUnixSocketDir+"="+room)
	return &child{ctx: ctx, path: cfg.Plugin.Path, room: room, cmd: cmd, words: words}, nil
}

// Start implements runner.Runner. It returns when the program runs, confined.
func (c *child) Start(ctx context.Context) (err error) {
	var theirs []*os.File
	defer func() {
		for _, f := range theirs {
			f.Close()
		}
		if err != nil {
			c.release()
		}
	}()
	pipe := func() (r, w *os.File) {
		if err == nil {
			r, w, err = os.Pipe()
		}
		return r, w
	}
	var in, out, errs *os.File
	in, c.stdin = pipe()
	c.stdout, out = pipe()
	c.stderr, errs = pipe()
	theirs = []*os.File{in, out, errs}
	if err != nil {
		return err
	}
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = in, out, errs
	process, err := confine.Start(c.cmd)
	if err != nil {
		return err
	}
	c.process = process
	c.started = context.AfterFunc(c.ctx, process.Kill)
	if _, _, err = process.Report(ctx); supervised && err != nil {
		process.Kill()
		return err
	}
	var to *io.PipeWriter
	c.said, to = io.Pipe()
	go pumpStdout(tillEnd{c.stdout, &c.silent}, to, c.words)
	return nil
}

// release closes our ends of the pipes.
func (c *child) release() {
	c.once.Do(func() {
		for _, f := range []*os.File{c.stdin, c.stdout, c.stderr} {
			f.Close() // nil is allowed
		}
		if c.said != nil {
			c.said.Close()
		}
	})
}

// Wait implements runner.Runner.
func (c *child) Wait(context.Context) error {
	if c.process == nil {
		return nil
	}
	err := c.process.Wait()
	c.release()
	return err
}

// Kill implements runner.Runner: the process and all that descends from it. One
// that has closed its standard output is about to end by itself, and how it
// does is worth a moment.
func (c *child) Kill(context.Context) error {
	if c.process == nil {
		return nil
	}
	moment := time.Duration(0)
	if c.silent.Load() {
		moment = 100 * time.Millisecond
	}
	select {
	case <-c.process.Done():
	case <-time.After(moment):
		c.killed.Store(c.process.State() == nil)
	}
	c.process.Kill()
	<-c.process.Done()
	// Its last words are still in the pipe.
	time.AfterFunc(drainTime, c.release)
	return nil
}

// done is closed when the process has ended.
func (c *child) done() <-chan struct{} { return c.process.Done() }

// ending says how the process ended.
func (c *child) ending() string {
	select {
	case <-c.process.Done():
	default:
		return "it still runs"
	}
	exit, err := c.process.Exit()
	if err != nil {
		return err.Error()
	}
	return exit.String()
}

// Stdout implements runner.Runner.
func (c *child) Stdout() io.ReadCloser { return c.said }

// Stderr implements runner.Runner.
func (c *child) Stderr() io.ReadCloser {
	return &cleanReader{from: c.stderr, secrets: &c.words.secrets}
}

// Name implements runner.Runner.
func (c *child) Name() string { return c.path }

// ID implements runner.Runner.
func (c *child) ID() string {
	if c.process == nil {
		return ""
	}
	return strconv.Itoa(c.process.Pid())
}

// Diagnose implements runner.Runner.
func (c *child) Diagnose(context.Context) string {
	return fmt.Sprintf("is %s a provider plugin, built for this machine?", c.path)
}

// PluginToHost implements runner.Runner. A plugin may listen in its own
// directory and nowhere else: whatever else it names belongs to somebody else.
func (c *child) PluginToHost(network, address string) (string, string, error) {
	if network != "unix" || !filepath.IsAbs(address) || !strings.HasPrefix(filepath.Clean(address), c.room+"/") {
		return "", "", fmt.Errorf("the plugin listens at %s %s; it must listen on a Unix socket in PLUGIN_UNIX_SOCKET_DIR", network, address)
	}
	c.address = filepath.Clean(address)
	return network, c.address, nil
}

// HostToPlugin implements runner.Runner.
func (c *child) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}

// dial connects to the plugin's socket, and makes sure that the plugin is
// behind it.
func (c *child) dial(ctx context.Context, _ string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", c.address)
	if err != nil {
		return nil, err
	}
	if err := c.checkPeer(conn.(*net.UnixConn)); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}
