package process

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/go-plugin/runner"

	"github.com/cortexlinux/cortex-host/core/confine"
)

// drainTime is how long the pipes of a dead process are still read: a
// grandchild that inherited them must not keep us reading for ever.
const drainTime = 500 * time.Millisecond

// child is go-plugin's view of the process: a runner. go-plugin's own would
// give the plugin our standard input, survive us, and spare grandchildren.
type child struct {
	path    string
	cmd     *exec.Cmd
	process *confine.Process

	stdout, stderr *os.File
	// stdin is our end of the plugin's standard input; it ends with us.
	stdin *os.File
	once  sync.Once
}

var _ runner.Runner = (*child)(nil)

// newChild readies the process. env is what go-plugin adds to the environment.
func newChild(path string, env []string) *child {
	cmd := exec.Command(path)
	cmd.Env = env
	return &child{path: path, cmd: cmd}
}

// Start implements runner.Runner.
func (c *child) Start(context.Context) (err error) {
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
	c.process, err = confine.Start(c.cmd)
	return err
}

// release closes our ends of the pipes.
func (c *child) release() {
	c.once.Do(func() {
		for _, f := range []*os.File{c.stdin, c.stdout, c.stderr} {
			f.Close() // nil is allowed
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

// Kill implements runner.Runner: the process and its group.
func (c *child) Kill(context.Context) error {
	if c.process == nil {
		return nil
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
	return c.process.State().String()
}

// Stdout implements runner.Runner.
func (c *child) Stdout() io.ReadCloser { return c.stdout }

// Stderr implements runner.Runner.
func (c *child) Stderr() io.ReadCloser { return c.stderr }

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

// PluginToHost implements runner.Runner: both live in one name space.
func (c *child) PluginToHost(network, address string) (string, string, error) {
	return network, address, nil
}

// HostToPlugin implements runner.Runner.
func (c *child) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}
