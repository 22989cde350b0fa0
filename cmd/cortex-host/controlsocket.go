package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

const (
	// maxSocketPath is what a Unix socket's path may be long on any system.
	maxSocketPath = 100
	// maxOrder bounds a line of the control socket, orderTime how long it takes.
	maxOrder  = 1 << 10
	orderTime = 5 * time.Second
)

// A controlReply is the answer to one order.
type controlReply struct {
	*gauge
	Error string `json:"error,omitempty"`
}

// serveControl lets others change the run through a Unix socket: one order a
// line, one JSON object back. Only this user may connect. An empty path serves
// nothing.
func (a *app) serveControl(path string, c controls, total int64) (stop func(), err error) {
	if path == "" {
		return func() {}, nil
	}
	if len(path) > maxSocketPath {
		return nil, usagef("name a shorter one with --control", "the control socket's path is longer than %d bytes: %s", maxSocketPath, path)
	}
	if err := removeStaleSocket(path); err != nil {
		return nil, err
	}
	listener, err := listenPrivate(path)
	if err != nil {
		return nil, usagef("name another path with --control", "cannot make the control socket: %w", err)
	}
	m := newMeter(c.exec, total)
	var open sync.WaitGroup
	open.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // closed by stop
			}
			open.Go(func() { answerOrders(conn, c, m) })
		}
	})
	return func() {
		listener.Close() // it removes the file
		open.Wait()
	}, nil
}

// listenPrivate makes a socket that nobody else can connect to, not even for a
// moment: it gets its name when its mode is right.
func listenPrivate(path string) (net.Listener, error) {
	dir, err := os.MkdirTemp(filepath.Dir(path), ".control-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	first := filepath.Join(dir, "s")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: first, Net: "unix"})
	if err != nil {
		return nil, err
	}
	listener.SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(first, 0o600), os.Rename(first, path)); err != nil {
		listener.Close()
		return nil, err
	}
	return &namedListener{listener, path}, nil
}

// A namedListener removes its file when it is closed.
type namedListener struct {
	net.Listener
	path string
}

// Close ends the socket.
func (l *namedListener) Close() error { return errors.Join(l.Listener.Close(), os.Remove(l.path)) }

// removeStaleSocket makes room: a socket at which nobody answers is left over.
func removeStaleSocket(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return usagef("name another path with --control", "cannot make the control socket: %w", err)
	case info.Mode().Type() != fs.ModeSocket:
		return usagef("name another path with --control", "%s is there already, and is no socket", path)
	}
	if !isDeadSocket(path) {
		return usagef("name another path with --control", "another run listens at %s", path)
	}
	return os.Remove(path)
}

// isDeadSocket reports whether nobody listens at a socket any more. One that is
// only busy is not dead.
func isDeadSocket(path string) bool {
	conn, err := net.DialTimeout("unix", path, orderTime)
	if err == nil {
		conn.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

// answerOrders answers the lines of one connection. It is short lived: an idle
// one is closed. Children of this program, plugins and generators, give no
// orders.
func answerOrders(conn net.Conn, c controls, m *meter) {
	defer conn.Close()
	refusal := strangerTo(conn)
	lines := bufio.NewScanner(conn)
	lines.Buffer(make([]byte, 0, maxOrder), maxOrder)
	for {
		if conn.SetDeadline(time.Now().Add(orderTime)) != nil || !lines.Scan() {
			return
		}
		reply := controlReply{}
		err := refusal
		if err == nil {
			err = c.order(lines.Text())
		}
		if err != nil {
			reply.Error = err.Error()
		} else {
			reply.gauge = new(m.shared(0))
		}
		row, err := json.Marshal(reply)
		if err != nil {
			return
		}
		if _, err := conn.Write(append(row, '\n')); err != nil {
			return
		}
	}
}

// controlDir is where the sockets of recorded runs are, and how their names begin:
// the user's own directory for sockets, else the one of recorded runs, or "".
func (a *app) controlDir() (dir, prefix string) {
	dir = a.lookup("XDG_RUNTIME_DIR")
	if info, err := os.Stat(dir); filepath.IsAbs(dir) && err == nil && info.IsDir() {
		return dir, appName + "-"
	}
	return a.xdg("XDG_STATE_HOME", ".local/state"), ""
}

// newControlPath is the socket that a recorded run is to have, or "" if there is
// no place for it. Who may not list the directory, as plugins, cannot guess the
// end of its name. What killed runs have left there is removed.
func (a *app) newControlPath(run string) string {
	dir, prefix := a.controlDir()
	path := filepath.Join(dir, prefix+run+"-"+strings.ToLower(rand.Text()[:10])+".sock")
	if dir == "" || len(path) > maxSocketPath {
		return ""
	}
	for _, old := range a.controlSockets("") {
		if isDeadSocket(old) {
			_ = os.Remove(old) // the next run tries again
		}
	}
	return path
}

// controlPath finds the socket of a recorded run, "" if it has none.
func (a *app) controlPath(run string) string {
	for _, path := range a.controlSockets(run + "-") {
		_, end, _ := strings.Cut(filepath.Base(path), run+"-")
		if !strings.Contains(end, "-") && !isDeadSocket(path) { // not of a run whose id only begins so
			return path
		}
	}
	return ""
}

// controlSockets are the sockets of recorded runs whose ids begin so.
func (a *app) controlSockets(run string) (paths []string) {
	dir, prefix := a.controlDir()
	entries, _ := os.ReadDir(dir) // an unreadable one has none
	for _, e := range entries {
		if e.Type() == fs.ModeSocket && strings.HasPrefix(e.Name(), prefix+run) && strings.HasSuffix(e.Name(), ".sock") {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths
}

func newControlCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "control RUN|SOCKET [ORDER]", Short: "Look at a run that is under way, pause it, change its pace", GroupID: groupRun,
		Long: `Look at a run that is under way in another terminal or in a service, pause it,
or change its pace. A run with -o is addressed by its id or its file, another one by the
socket that its --control PATH names. The answer is one JSON object.

Orders: status (the default), pause, resume, max-concurrent N,
requests-per-second N|off. On a terminal, keys do the same while the run shows
its bar: p, + and -, ] and [; ? lists them.`,
		Example: `  cortex-host control 20260102-150405-abcdef
  cortex-host control 20260102-150405-abcdef pause
  cortex-host control /run/user/1000/night.sock max-concurrent 64`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || len(args) > 3 {
				return usagef("`cortex-host runs list` shows which runs are under way", "which run? usage: %s", cmd.UseLine())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			order := "status"
			if len(args) > 1 {
				order = strings.Join(args[1:], " ")
			}
			return a.control(cmd.Context(), args[0], order)
		},
	}
}

// socketOf finds the socket of a run that is named by it, by the run's id, or by
// the file that it writes to.
func (a *app) socketOf(ctx context.Context, run string) string {
	if isSocket(run) {
		return run
	}
	if path := a.controlPath(run); path != "" {
		return path
	}
	if info, err := a.showRun(ctx, run); err == nil {
		return a.controlPath(info.ID)
	}
	if strings.ContainsRune(run, os.PathSeparator) {
		return run
	}
	return ""
}

func isSocket(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().Type() == fs.ModeSocket
}

// control sends one order to a run.
func (a *app) control(ctx context.Context, run, order string) error {
	path := a.socketOf(ctx, run)
	if path == "" {
		return &failure{fmt.Errorf("run %s is not under way, or has no control socket", run), "`cortex-host runs list` shows which are; `--control PATH` gives any run a socket", exitFatal}
	}
	ctx, cancel := context.WithTimeout(ctx, orderTime)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", path)
	if err != nil {
		return &failure{fmt.Errorf("run %s is not under way: %w", run, err), "`cortex-host runs list` shows which are", exitFatal}
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline) // without one it only takes longer
	if _, err := fmt.Fprintln(conn, order); err != nil {
		return fmt.Errorf("run %s: %w", run, err)
	}
	line, err := bufio.NewReader(conn).ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("run %s did not answer: %w", run, err)
	}
	reply := controlReply{gauge: &gauge{}}
	if err := json.Unmarshal(line, &reply); err != nil {
		return fmt.Errorf("run %s did not answer: %w", run, err)
	}
	if reply.Error != "" {
		return usagef("orders: "+controlHelp, "%s", reply.Error)
	}
	return a.printJSON(reply.gauge)
}
