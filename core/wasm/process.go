package wasm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/cortexlinux/cortex-host/core/confine"
)

// child is the host's end of a running child.
type child struct {
	process *confine.Process
	stdin   *os.File
	stdout  *os.File
	stderr  *head
	limits  Limits
	cpu     time.Duration
	feeding sync.WaitGroup
	module  *os.File
}

// policy is what every child is denied.
func (r *Runner) policy(limits Limits) confine.Policy {
	p := confine.Policy{DataBytes: limits.dataBytes(), CPU: limits.CPUTime, OpenFiles: 64}
	if r.config.Confinement == ConfineStandard {
		p.Files, p.NoNetwork, p.NoChildren, p.Strict = true, true, true, true
	}
	return p
}

// start starts a child and feeds it the module.
func (r *Runner) start(m *Module, job childJob, policy confine.Policy) (*child, error) {
	fail := func(err error) error {
		e := failf(ChildFailed, "its process cannot be started: %v", err).named(m.Name())
		e.Cause = err
		return e
	}
	raw, err := json.Marshal(job)
	if err != nil {
		return nil, fail(err)
	}
	cmd, err := confine.ChildCommand(r.config.Command, policy, childName, string(raw))
	if err != nil {
		return nil, fail(err)
	}
	// The child sees nothing of the host's environment. Its collector works
	// harder before the limit is reached, and two threads are enough for it.
	cmd.Env = []string{fmt.Sprintf("GOMEMLIMIT=%d", policy.DataBytes*3/4), "GOMAXPROCS=2", "GOTRACEBACK=none"}
	cmd.Env = append(cmd.Env, childEnv...)
	c := &child{stderr: &head{max: 4 << 10}, limits: r.config.Limits, cpu: policy.CPU}
	cmd.Stderr = c.stderr
	cmd.WaitDelay = time.Second
	var ends [3]*os.File // the child's
	defer func() {
		for _, f := range ends {
			f.Close()
		}
	}()
	if ends[0], c.stdin, err = os.Pipe(); err != nil {
		return nil, fail(err)
	}
	if c.stdout, ends[1], err = os.Pipe(); err != nil {
		c.close()
		return nil, fail(err)
	}
	if ends[2], c.module, err = os.Pipe(); err != nil {
		c.close()
		return nil, fail(err)
	}
	cmd.Stdin, cmd.Stdout, cmd.ExtraFiles = ends[0], ends[1], []*os.File{ends[2]}
	if c.process, err = confine.Start(cmd); err != nil {
		c.close()
		return nil, fail(err)
	}
	c.feeding.Go(func() {
		defer c.module.Close()
		_, _ = c.module.Write(m.bytes) // a child that does not read it says why
	})
	return c, nil
}

// close ends the child, whatever it does, and waits for it.
func (c *child) close() {
	if c.process != nil {
		c.process.Kill()
		_ = c.process.Wait()
	}
	c.stdin.Close()
	c.stdout.Close()
	c.module.Close()
	c.feeding.Wait()
}

func parseEnd(payload []byte) (*childEnd, error) {
	var end childEnd
	if err := json.Unmarshal(payload, &end); err != nil {
		return nil, fmt.Errorf("broken last words: %w", err)
	}
	return &end, nil
}

// explain says why a child ended that did not end well. It waits for its end.
func (c *child) explain(end *childEnd, err error) *Error {
	if end != nil && end.Reason != "" {
		return failf(end.Reason, "%s", quoteText(end.Message, 1024))
	}
	grace := time.AfterFunc(2*time.Second, c.process.Kill)
	defer grace.Stop()
	exit, waitErr := c.process.Exit()
	text := c.stderr.String()
	switch {
	case waitErr != nil:
		err = waitErr
	case strings.Contains(text, "out of memory"), strings.Contains(text, "cannot allocate memory"),
		strings.Contains(text, "failed to reserve"), strings.Contains(text, "failed to create new OS thread"):
		return failf(OutOfMemory, "it wanted more memory than the %d MiB that guests may have and what runs them needs", c.limits.MemoryMB)
	case c.cpu > 0 && exit.CPU >= c.cpu:
		return failf(OutOfCPU, "it used up its %v of processor time", c.cpu)
	case exit.Signal != "":
		return failf(OutOfMemory, "its process was ended by the system (%s), most likely for want of memory", exit.Signal)
	}
	if strings.Contains(text, "SIGSEGV") || strings.Contains(text, "fatal error: ") {
		// Go's runtime itself fell, which it does where an allocation fails at a
		// place that has no answer to that.
		e := failf(OutOfMemory, "its process broke down, most likely because it wanted more memory than the %d MiB that guests may have", c.limits.MemoryMB)
		e.Cause = errors.New(quoteText(text, 512))
		return e
	}
	e := failf(ChildFailed, "its process broke down (exit status %d): %s", exit.Status, quoteText(text, 512))
	if err != nil && !errors.Is(err, os.ErrClosed) {
		e.Cause = err
	}
	return e
}

// head keeps the beginning of what is written to it: a program that breaks down
// says why first, and much else after it. It is safe for concurrent use.
type head struct {
	mu  sync.Mutex
	max int
	buf []byte
}

// Write never fails.
func (h *head) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.buf = append(h.buf, p[:min(len(p), h.max-len(h.buf))]...)
	return len(p), nil
}

// String returns it without control characters.
func (h *head) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.TrimSpace(string(printable(bytes.ToValidUTF8(h.buf, []byte("?")), true)))
}

// quoteText makes hostile text fit for a terminal and bounds it.
func quoteText(s string, n int) string {
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "") + "..."
	}
	return string(printable([]byte(strings.ToValidUTF8(s, "?")), false))
}
