package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// running is what runs on the machine at one moment.
type running struct {
	all   []*process
	asOf  time.Time
	units map[string][]string // ports by unit, where processes are hidden
}

// A process runs a program and may listen. Of one that is hidden (another
// user's, or this plugin is confined) only the name is known, and the ports of
// its unit.
type process struct {
	pid      int
	program  string // its file; of a hidden one the name, of 15 bytes at most
	hidden   bool
	unit     string
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

// aProgram is a file whose name may be that of a process.
var aProgram = regexp.MustCompile(`^/(?:usr|opt)/(?:.*/)?(?:s?bin|libexec|systemd)/([^/]+)$`)

// of returns the processes that run one of the files. A hidden process is told
// by its name.
func (r *running) of(files []string) []*process {
	wanted, names := map[string]bool{}, map[string]bool{}
	for _, file := range files {
		file = canonical(file)
		wanted[file] = true
		if m := aProgram.FindStringSubmatch(file); m != nil {
			names[m[1][:min(len(m[1]), 15)]] = true
		}
	}
	var found []*process
	for _, p := range r.all {
		if !p.hidden && wanted[p.program] || p.hidden && names[p.program] {
			found = append(found, p)
		}
	}
	return found
}

// blind says how much could not be seen, of some processes or of all.
func blind(list []*process) string {
	hidden := 0
	for _, p := range list {
		if p.hidden {
			hidden++
		}
	}
	if hidden == 0 {
		return ""
	}
	return fmt.Sprintf("; %s", count(hidden, "process is known by its name only", "processes are known by their names only"))
}

// listenerOn returns who listens on a port: processes, as "nginx (pid 7)", or
// units where the processes are hidden.
func (r *running) listenerOn(port string) []string {
	on := func(address string) bool { return strings.HasSuffix(address, ":"+port) }
	var all []string
	for _, p := range r.all {
		if !p.hidden && slices.ContainsFunc(p.ports, on) {
			all = append(all, p.name())
		}
	}
	if len(all) > 0 {
		return all
	}
	for _, unit := range slices.Sorted(maps.Keys(r.units)) {
		if slices.ContainsFunc(r.units[unit], on) {
			all = append(all, "the unit "+unit)
		}
	}
	return all
}

// processSource is where running is read from.
const processSource = "/proc (processes and their sockets)"

// findRunning looks at every process, its program and its listening sockets.
func (m *machine) findRunning(ctx context.Context) (*running, error) {
	r := &running{asOf: m.now()}
	sockets := m.listening()
	hidden := false
	for _, entry := range m.list("/proc") {
		pid, err := strconv.Atoi(entry)
		if err != nil {
			continue
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		p := m.process(entry, sockets)
		if p == nil {
			continue
		}
		p.pid = pid
		hidden = hidden || p.hidden
		r.all = append(r.all, p)
	}
	slices.SortFunc(r.all, func(a, b *process) int { return a.pid - b.pid })
	if hidden {
		r.units = m.unitPorts(ctx)
		for _, p := range r.all {
			if p.hidden {
				p.ports = r.units[p.unit]
			}
		}
	}
	return r, nil
}

// process looks at one process; nil if it is a thread of the kernel or has
// ended.
func (m *machine) process(pid string, sockets map[string]socket) *process {
	program, err := os.Readlink(m.path("/proc/" + pid + "/exe"))
	switch {
	case errors.Is(err, fs.ErrPermission):
		if m.read("/proc/"+pid+"/cmdline", 1) == "" {
			return nil // a thread of the kernel
		}
		return &process{program: m.word("/proc/" + pid + "/comm"), hidden: true, unit: unitOf(m.read("/proc/"+pid+"/cgroup", 4096))}
	case err != nil:
		return nil
	}
	program, replaced := strings.CutSuffix(program, " (deleted)")
	p := &process{program: canonical(program), replaced: replaced}
	if len(sockets) > 0 {
		p.ports = m.portsOf(pid, sockets)
	}
	return p
}

// portsOf returns the ports on which a process listens.
func (m *machine) portsOf(pid string, sockets map[string]socket) []string {
	var ports []string
	dir := "/proc/" + pid + "/fd"
	for _, fd := range m.list(dir) {
		target, err := os.Readlink(m.path(dir + "/" + fd))
		if err != nil {
			continue
		}
		if inode, ok := strings.CutPrefix(target, "socket:["); ok {
			if s, ok := sockets[strings.TrimSuffix(inode, "]")]; ok {
				ports = append(ports, s.address)
			}
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}
