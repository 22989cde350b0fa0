package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// A runner runs one of the machine's tools. It is what tests replace.
type runner interface {
	// Has reports whether the tool is on this machine.
	Has(tool string) bool
	// Run runs it. A tool that ran has an output, whatever its exit code; an
	// error means that it is missing, took too long or could not run.
	Run(ctx context.Context, tool string, args ...string) (output, error)
}

// An output is what a tool said.
type output struct {
	stdout    string
	stderr    string
	exit      int
	truncated bool // stdout had more
}

// ok reports whether the tool succeeded and said everything.
func (o output) ok() bool { return o.exit == 0 && !o.truncated }

// complaint is the tool's own explanation of a failure, in one line.
func (o output) complaint() string {
	for line := range strings.Lines(o.stderr + "\n" + o.stdout) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "WARNING:") {
			return clip(plain(line), 200)
		}
	}
	return fmt.Sprintf("exit code %d", o.exit)
}

const (
	maxStdout = 32 << 20
	maxStderr = 16 << 10
)

var errNoTool = errors.New("is not on this machine")

// systemPath is where tools are looked for first: a plugin's PATH may be
// minimal, or somebody's own.
const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// execRunner runs tools as child processes: no shell, no input, a fixed
// environment, bounded in time, in output and in number. It is safe for
// concurrent use.
type execRunner struct {
	timeout time.Duration
	slots   chan struct{}
	path    string
}

func newExecRunner(timeout time.Duration, atOnce int) *execRunner {
	path := systemPath
	if own := os.Getenv("PATH"); own != "" {
		path += ":" + own
	}
	return &execRunner{timeout: timeout, slots: make(chan struct{}, atOnce), path: path}
}

// Has implements runner.
func (r *execRunner) Has(tool string) bool { return r.find(tool) != "" }

// find returns the tool's path, or nothing. Relative entries of PATH do not
// count: the working directory is nobody's tool box.
func (r *execRunner) find(tool string) string {
	for dir := range strings.SplitSeq(r.path, ":") {
		if !filepath.IsAbs(dir) {
			continue
		}
		path := filepath.Join(dir, tool)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0 {
			return path
		}
	}
	return ""
}

// Run implements runner.
func (r *execRunner) Run(ctx context.Context, tool string, args ...string) (output, error) {
	path := r.find(tool)
	if path == "" {
		return output{}, fmt.Errorf("%s %w", tool, errNoTool)
	}
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return output{}, context.Cause(ctx)
	}
	limited, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	cmd := exec.CommandContext(limited, path, args...)
	stdout, stderr := bounded{max: maxStdout}, bounded{max: maxStderr}
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Env = []string{
		"PATH=" + r.path, "LC_ALL=C", "LANG=C", "LANGUAGE=C", "TERM=dumb", "HOME=" + os.Getenv("HOME"),
		// The only place where a confined plugin may write, and apt wants to.
		"TMPDIR=" + os.TempDir(),
		"PAGER=cat", "SYSTEMD_PAGER=", "SYSTEMD_COLORS=0", "DEBIAN_FRONTEND=noninteractive",
	}
	cmd.Dir = "/"
	cmd.WaitDelay = time.Second
	dieWithParent(cmd)
	// The parent-death signal is sent when the thread ends that started the
	// child: this thread must not end before the child does.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := cmd.Run()
	out := output{stdout: string(stdout.kept), stderr: string(stderr.kept), truncated: stdout.cut}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return out, context.Cause(ctx)
	case limited.Err() != nil:
		return out, fmt.Errorf("%s took longer than %v", tool, r.timeout)
	case errors.As(err, &exit) && exit.Exited():
		out.exit = exit.ExitCode()
		return out, nil
	case err != nil:
		return out, fmt.Errorf("%s: %w", tool, err)
	}
	return out, nil
}

// bounded keeps the first max bytes and lets the rest go by, so that a tool
// that floods does not block. It is no bytes.Buffer: a copy would use ReadFrom,
// which knows no bound.
type bounded struct {
	kept []byte
	max  int
	cut  bool
}

// Write implements io.Writer. It never fails.
func (b *bounded) Write(p []byte) (int, error) {
	room := min(b.max-len(b.kept), len(p))
	b.kept = append(b.kept, p[:room]...)
	b.cut = b.cut || room < len(p)
	return len(p), nil
}
