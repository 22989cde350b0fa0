// Package confine starts child processes that can do little harm.
//
// A program re-executes itself as a shim: the shim confines its own thread and
// then becomes the child by execve, so that what runs is confined from its
// first instruction and the program itself never is.
//
//	func main() {
//		confine.Main(wasm.Child()) // first, before flags are looked at
//		...
//	}
//
//	cmd, err := confine.Command(confine.Policy{DataBytes: 256 << 20, NoNetwork: true}, "/usr/bin/sort")
//	cmd.Stdin, cmd.Stdout = in, out
//	p, err := confine.Start(cmd)
//	err = p.Wait()
//
// [Main] must be the first call of main, and of TestMain in tests that start
// children: in a process that is a shim or a child it does that job and never
// returns; in any other process it returns at once.
//
// # What is enforced
//
// On Linux: resource limits, no core dumps, no new privileges, Landlock for
// files, TCP, signals and abstract sockets as far as the kernel knows them, and
// a system call filter against sockets and other ways out. Elsewhere: resource
// limits. What the kernel does not offer is left out and told in the [Report],
// which the child reads with [Enforced] and checks with [Probe].
//
// # What outlives what
//
// A child that was started by [Start] is killed by the kernel when the program
// dies, however it dies (Linux). [Process.Kill] reaches its whole process group.
// With [Policy.Supervise] a supervisor stays between program and child, adopts
// every orphan among the child's descendants, and ends them all when the child
// ends, when it is told to, or when its link to the program breaks because that
// died. It tells the program what it enforced: [Process.Report].
package confine

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// Policy says what a child may do. The zero value takes away core dumps and
// the gain of privileges, and nothing else.
type Policy struct {
	// DataBytes bounds the memory that the child may write to (RLIMIT_DATA). 0:
	// no bound.
	DataBytes uint64 `json:"data_bytes,omitempty"`
	// CPU bounds its processor time (RLIMIT_CPU, in whole seconds). 0: no bound.
	CPU time.Duration `json:"cpu,omitempty"`
	// FileBytes bounds a file that it writes (RLIMIT_FSIZE). 0: no bound.
	FileBytes uint64 `json:"file_bytes,omitempty"`
	// OpenFiles bounds its descriptors (RLIMIT_NOFILE). 0: no bound.
	OpenFiles uint64 `json:"open_files,omitempty"`
	// Files restricts the file system to ReadPaths, ReadExecPaths, WritePaths
	// and the child's own executable with its libraries. The child can neither
	// look into processes outside, nor signal them, nor reach their abstract
	// sockets, nor, from Landlock 9 on, sockets at other paths.
	Files bool `json:"files,omitempty"`
	// ReadPaths are files and directories that the child may read.
	ReadPaths []string `json:"read_paths,omitempty"`
	// ReadExecPaths are those that it may read and execute.
	ReadExecPaths []string `json:"read_exec_paths,omitempty"`
	// WritePaths are those that it may read, change, create in and remove from.
	WritePaths []string `json:"write_paths,omitempty"`
	// NoNetwork takes away every socket.
	NoNetwork bool `json:"no_network,omitempty"`
	// NoChildren takes away fork, signals to others, debugging, root's powers and
	// the like: for a child that only computes.
	NoChildren bool `json:"no_children,omitempty"`
	// NoTracing takes away debugging, mounts, kernel keys, the listing of the
	// system's sockets, the watching of directories and the like, and leaves
	// processes: for a child that starts others.
	NoTracing bool `json:"no_tracing,omitempty"`
	// Supervise keeps a supervisor between program and child that ends every
	// descendant of the child when the child ends or the program dies. It lives
	// under the same resource limits.
	Supervise bool `json:"supervise,omitempty"`
	// Strict refuses to run a child on which a measure that the kernel has
	// cannot be enforced. A kernel that lacks one is told by the report alone.
	Strict bool `json:"strict,omitempty"`
	// OOMScore makes the kernel choose the child first when memory is short: 0
	// to 1000.
	OOMScore int `json:"oom_score,omitempty"`
	// Name is what a supervised child finds as its name; empty: its path.
	Name string `json:"name,omitempty"`
	// Report hands the child the report for [Enforced].
	Report bool `json:"report,omitempty"`
	// Landlock is the newest version of Landlock that is used, for tests of
	// older kernels: 0 is the kernel's own, -1 none.
	Landlock int `json:"landlock,omitempty"`
}

// A Child is a job that the program itself does in a confined process.
type Child struct {
	// Name tells children apart.
	Name string
	// Run does the job and returns the exit status.
	Run func(args []string) int
}

// The first arguments that make this program a shim or a child.
const (
	shimArg  = "cortex-confine/1"
	childArg = "cortex-child/1"
)

// Exit statuses of a shim that could not become what it should.
const (
	statusBroken = 125 // the shim's own arguments are broken
	statusExec   = 126 // the target could not be executed
)

// Main does the job of a shim or of one of the children, and never returns, if
// this process was started as such. Otherwise it returns at once.
func Main(children ...Child) {
	Shim()
	if len(os.Args) < 3 || os.Args[1] != childArg {
		return
	}
	for _, c := range children {
		if c.Name == os.Args[2] {
			os.Exit(c.Run(os.Args[3:]))
		}
	}
	fmt.Fprintf(os.Stderr, "confine: this program has no child %q: hand it to confine.Main\n", os.Args[2])
	os.Exit(statusBroken)
}

// Shim is the part of [Main] that needs none of the children. It may be called
// sooner: see the package early.
func Shim() {
	if len(os.Args) >= 3 && os.Args[1] == shimArg {
		os.Exit(shim(os.Args[2:]))
	}
}

// Command returns a command that runs path with args under the policy. Standard
// streams, Env, Dir and ExtraFiles are set as on any other command.
func Command(p Policy, path string, args ...string) (*exec.Cmd, error) {
	return command(nil, p, append([]string{path}, args...))
}

// ChildCommand returns a command that runs the child of that name, one of those
// given to [Main], under the policy. self is the command of the program whose
// main calls Main; empty means this program.
func ChildCommand(self []string, p Policy, name string, args ...string) (*exec.Cmd, error) {
	target := append([]string{"", childArg, name}, args...)
	return command(self, p, target)
}

// Wrap turns a command into one that runs under the policy.
func Wrap(cmd *exec.Cmd, p Policy) error {
	if cmd.Err != nil {
		return cmd.Err
	}
	wrapped, err := command(nil, p, append([]string{cmd.Path}, cmd.Args[min(1, len(cmd.Args)):]...))
	if err != nil {
		return err
	}
	cmd.Path, cmd.Args = wrapped.Path, wrapped.Args
	return nil
}

// command builds the shim's command line: the policy, then what to become. An
// empty target path means the shim's own executable.
func command(self []string, p Policy, target []string) (*exec.Cmd, error) {
	raw, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("confine: %w", err)
	}
	if len(self) == 0 {
		if self, err = thisProgram(); err != nil {
			return nil, err
		}
	}
	args := append(append([]string(nil), self[1:]...), shimArg, string(raw))
	return exec.Command(self[0], append(args, target...)...), nil
}

// thisProgram names the running executable, even if its file was replaced.
func thisProgram() ([]string, error) {
	if selfPath != "" {
		if _, err := os.Stat(selfPath); err == nil {
			return []string{selfPath}, nil
		}
	}
	path, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("confine: this program cannot find its own executable: %w", err)
	}
	return []string{path}, nil
}

// shim confines this process and becomes the target.
func shim(args []string) int {
	var p Policy
	if len(args) < 2 || json.Unmarshal([]byte(args[0]), &p) != nil {
		fmt.Fprintln(os.Stderr, "confine: broken arguments of the shim")
		return statusBroken
	}
	target := args[1:]
	if target[0] == "" {
		self, err := thisProgram()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return statusBroken
		}
		target[0] = self[0]
	}
	if p.Supervise {
		return supervise(p, target)
	}
	return run(p, target)
}

// run becomes the target; it returns only if that fails.
func run(p Policy, target []string) int {
	err := become(p, target)
	fmt.Fprintf(os.Stderr, "confine: cannot run %s: %v\n", target[0], err)
	return statusExec
}

var errNotConfined = errors.New("this process was not started with a report")
