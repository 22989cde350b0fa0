package confine

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"
)

// A Process is a running child. Its methods may be called from any goroutine.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error
	once sync.Once
	link *link // to the supervisor, nil without one
}

// Start starts cmd in a process group of its own. On Linux the kernel kills
// the child when this program dies. The caller must Wait.
//
// The kernel ties a child to the thread that started it, so a thread stays
// parked for as long as the child runs.
func Start(cmd *exec.Cmd) (*Process, error) {
	p := &Process{cmd: cmd, done: make(chan struct{})}
	if err := p.startLinked(); err != nil {
		return nil, fmt.Errorf("confine: cannot start %s: %w", cmd.Path, err)
	}
	return p, nil
}

// startLinked starts the command, a supervisor with a link.
func (p *Process) startLinked() error {
	if !supervised(p.cmd) {
		return p.start(p.cmd.Start)
	}
	l, theirs, err := newLink()
	if err != nil {
		return err
	}
	defer theirs.Close()
	p.cmd.ExtraFiles = append(p.cmd.ExtraFiles, theirs)
	p.link = l
	if err := p.start(p.cmd.Start); err != nil {
		l.file.Close()
		return err
	}
	go l.listen()
	return nil
}

// start starts the command by the function, on the thread that waits for it.
func (p *Process) start(by func() error) error {
	setProcAttr(p.cmd)
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread may be confined
		err := by()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
			if p.link != nil {
				p.link.finish()
			}
		}
		close(p.done)
	}()
	return <-started
}

// Pid returns the process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Kill ends the child and its process group with SIGKILL; under a supervisor
// it ends every descendant, and returns when that is done. It may be called at
// any time and more than once.
func (p *Process) Kill() {
	p.once.Do(func() { kill(p) })
}

// Done is closed when the child has ended and was waited for.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait waits for the end of the child and returns what [exec.Cmd.Wait] did.
func (p *Process) Wait() error {
	<-p.done
	return p.err
}

// State returns how the child ended, nil while it runs.
func (p *Process) State() *os.ProcessState {
	select {
	case <-p.done:
		return p.cmd.ProcessState
	default:
		return nil
	}
}

// Exit describes how a child ended, for people and for decisions.
type Exit struct {
	// Status is the exit status, -1 if a signal ended it.
	Status int `json:"status"`
	// Signal names the signal that ended it, or is empty.
	Signal string `json:"signal,omitempty"`
	// CPU is the processor time that it used.
	CPU time.Duration `json:"cpu"`
	// MaxRSS is the most memory that it had resident, in bytes; 0 if unknown.
	MaxRSS int64 `json:"max_rss"`
}

// String says it in words.
func (e Exit) String() string {
	if e.Signal != "" {
		return "signal: " + e.Signal
	}
	return fmt.Sprintf("exit status %d", e.Status)
}

// Exit waits for the child's end and describes it: of a supervised child as its
// supervisor told it, if it could.
func (p *Process) Exit() (Exit, error) {
	err := p.Wait()
	if p.link != nil && p.link.end != nil {
		return *p.link.end, nil
	}
	state := p.cmd.ProcessState
	var exitErr *exec.ExitError
	if state == nil || (err != nil && !errors.As(err, &exitErr)) {
		return Exit{}, err
	}
	return Exit{Status: state.ExitCode(), Signal: signalName(state),
		CPU: state.UserTime() + state.SystemTime(), MaxRSS: maxRSS(state)}, nil
}
