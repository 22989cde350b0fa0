package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// running is what runs on the machine at one moment.
type running struct {
	processes map[string][]*process // by program file
	hidden    int                   // processes that this user may not look at
	asOf      time.Time
}

// A process runs a program and may listen.
type process struct {
	pid      int
	program  string
	replaced bool // the file was replaced or removed since it started
	ports    []string
}

func (p *process) name() string { return fmt.Sprintf("%s (pid %d)", filepath.Base(p.program), p.pid) }

// maxPids bounds the numbers that are shown of one program.
const maxPids = 6

// byProgram renders processes, by the name of their program: "nginx (pids 812,
// 813), nginx-debug (pid 9)".
func byProgram(list []*process) string {
	pids := map[string][]string{}
	for _, p := range list {
		name := filepath.Base(p.program)
		pids[name] = append(pids[name], strconv.Itoa(p.pid))
	}
	var all []string
	for _, name := range slices.Sorted(maps.Keys(pids)) {
		numbers := pids[name]
		text := "pids " + strings.Join(numbers[:min(len(numbers), maxPids)], ", ")
		switch more := len(numbers) - maxPids; {
		case len(numbers) == 1:
			text = "pid " + numbers[0]
		case more > 0:
			text += fmt.Sprintf(" and %d more", more)
		}
		all = append(all, fmt.Sprintf("%s (%s)", name, text))
	}
	return strings.Join(all, ", ")
}

// of returns the processes that run one of the files.
func (r *running) of(files []string) []*process {
	var all []*process
	seen := map[string]bool{}
	for _, file := range files {
		if file = canonical(file); !seen[file] {
			seen[file] = true
			all = append(all, r.processes[file]...)
		}
	}
	slices.SortFunc(all, func(a, b *process) int { return a.pid - b.pid })
	return all
}

// blind says how much could not be seen.
func (r *running) blind() string {
	if r.hidden == 0 {
		return ""
	}
	return fmt.Sprintf("; %s, which root could", count(r.hidden, "process of another user cannot be looked at", "processes of other users cannot be looked at"))
}

// listenerOn returns the processes that listen on a port, as "nginx (pid 7)".
func (r *running) listenerOn(port string) []string {
	var all []string
	for _, list := range r.processes {
		for _, p := range list {
			if slices.ContainsFunc(p.ports, func(s string) bool { return strings.HasSuffix(s, ":"+port) }) {
				all = append(all, p.name())
			}
		}
	}
	slices.Sort(all)
	return all
}

// taken reports whether anybody listens on a port.
func (m *machine) taken(port string) bool {
	for _, address := range m.listening() {
		if strings.HasSuffix(address, ":"+port) {
			return true
		}
	}
	return false
}

// processSource is where running is read from.
const processSource = "/proc (processes and their sockets)"

// findRunning looks at every process, its program and its listening sockets.
func (m *machine) findRunning(ctx context.Context) (*running, error) {
	r := &running{processes: map[string][]*process{}, asOf: m.now()}
	sockets := m.listening()
	for _, entry := range m.list("/proc") {
		pid, err := strconv.Atoi(entry)
		if err != nil {
			continue
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		program, err := os.Readlink(m.path("/proc/" + entry + "/exe"))
		switch {
		case errors.Is(err, fs.ErrPermission):
			r.hidden++
			continue
		case err != nil: // a thread of the kernel, or a process that has ended
			continue
		}
		program, replaced := strings.CutSuffix(program, " (deleted)")
		p := &process{pid: pid, program: canonical(program), replaced: replaced}
		if len(sockets) > 0 {
			p.ports = m.portsOf(entry, sockets)
		}
		r.processes[p.program] = append(r.processes[p.program], p)
	}
	return r, nil
}

// portsOf returns the ports on which a process listens.
func (m *machine) portsOf(pid string, sockets map[string]string) []string {
	var ports []string
	dir := "/proc/" + pid + "/fd"
	for _, fd := range m.list(dir) {
		target, err := os.Readlink(m.path(dir + "/" + fd))
		if err != nil {
			continue
		}
		if inode, ok := strings.CutPrefix(target, "socket:["); ok {
			if port := sockets[strings.TrimSuffix(inode, "]")]; port != "" {
				ports = append(ports, port)
			}
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// listening returns the listening sockets by inode.
func (m *machine) listening() map[string]string {
	sockets := map[string]string{}
	for _, table := range []struct{ file, protocol, state string }{
		{"tcp", "tcp", "0A"}, {"tcp6", "tcp", "0A"}, {"udp", "udp", "07"}, {"udp6", "udp", "07"},
	} {
		parseSockets(m.read("/proc/net/"+table.file, 64<<20), table.protocol, table.state, sockets)
	}
	return sockets
}

// parseSockets reads a table of /proc/net: local address, state and inode are
// the second, fourth and tenth field.
func parseSockets(text, protocol, state string, into map[string]string) {
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 10 || f[3] != state || f[9] == "0" {
			continue
		}
		if address, ok := socketAddress(f[1]); ok {
			into[f[9]] = protocol + " " + address
		}
	}
}

// socketAddress reads "0100007F:0016": the address in words of the machine's
// byte order (little-endian on every platform that is promised), the port in
// hexadecimal.
func socketAddress(text string) (string, bool) {
	host, port, ok := strings.Cut(text, ":")
	raw, err := hex.DecodeString(host)
	number, err2 := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil || err2 != nil || len(raw)%4 != 0 {
		return "", false
	}
	for word := range slices.Chunk(raw, 4) {
		slices.Reverse(word)
	}
	address, ok := netip.AddrFromSlice(raw)
	if !ok {
		return "", false
	}
	if address.Unmap().IsUnspecified() {
		return fmt.Sprintf("*:%d", number), true
	}
	return netip.AddrPortFrom(address.Unmap(), uint16(number)).String(), true
}
