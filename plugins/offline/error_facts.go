package main

import (
	"context"
	"os"
	"path"
	"slices"
	"strings"
)

// A look adds what the machine says now that concerns an error. What can't be
// found out is left out or said in a line: it never fails the answer.
type look struct {
	name string // what is told once in an answer is told under one name
	uses string // the group of the rule's pattern that it needs, or empty
	tell func(ctx context.Context, m *machine, sec *section, value string)
}

// key tells one look from another.
func (l *look) key(h *hit) string { return l.name + " " + h.named[l.uses] }

// about makes a look of a part of the hardware: its findings, then its facts.
func about(name string, lookAt func(context.Context, *report) error) look {
	return look{name: name, tell: func(ctx context.Context, m *machine, sec *section, _ string) {
		r := &report{m: m}
		if err := lookAt(m.withRoot(ctx), r); err != nil {
			sec.from("offline", m.now()).text("the %s could not be looked at: %v", name, err)
			return
		}
		for _, f := range r.findings {
			sec.from(f.source, f.asOf).fact(f.level.String(), "%s", f.text)
		}
		for _, s := range r.sheet.sections {
			sec.groups = append(sec.groups, s.groups...)
		}
	}}
}

var (
	lookSpace   = about("file systems", lookAtFilesystems)
	lookDisks   = about("disks", lookAtDisks)
	lookMemory  = about("memory", lookAtMemory)
	lookGPU     = about("GPU", lookAtGPU)
	lookNetwork = about("network", func(_ context.Context, r *report) error { r.routes(); return nil })
	lookLoad    = about("processor", lookAtUse)
	lookHeat    = about("temperature", func(ctx context.Context, r *report) error {
		sec := r.sheet.section("Heat")
		r.throttling(sec)
		r.temperatures(ctx, sec)
		return nil
	})
)

// lookPort tells who listens on the port that the error names.
var lookPort = look{"port", "port", func(ctx context.Context, m *machine, sec *section, port string) {
	r, err := m.live.get(ctx, "", m.moment(), m.findRunning)
	if err != nil || port == "" {
		return
	}
	g := sec.from(processSource, r.asOf)
	who := r.listenerOn(port)
	switch {
	case len(who) > 0:
		g.fact("port "+port, "%s listens on it%s", strings.Join(who, ", "), r.blind())
	case m.taken(port):
		g.fact("port "+port, "somebody listens on it, but this user cannot see who%s", r.blind())
	default:
		g.fact("port "+port, "nobody listens on it")
	}
}}

// runs makes a look at whether a program runs, by any of its names.
func runs(programs ...string) look {
	return look{name: programs[0] + " runs", tell: func(ctx context.Context, m *machine, sec *section, _ string) {
		r, err := m.live.get(ctx, "", m.moment(), m.findRunning)
		if err != nil {
			return
		}
		var who []string
		for _, list := range r.processes {
			for _, p := range list {
				for _, name := range programs {
					if path.Base(p.program) == name {
						who = append(who, strings.TrimSuffix(p.name()+" on "+strings.Join(p.ports, ", "), " on "))
					}
				}
			}
		}
		slices.Sort(who)
		g := sec.from(processSource, r.asOf)
		if len(who) == 0 {
			g.fact(programs[0], "does not run%s", r.blind())
			return
		}
		g.fact(programs[0], "runs, %s", names(who, m.settings.list))
	}}
}

// lookLocks tells who holds the locks of dpkg and apt.
var lookLocks = look{"package locks", "", func(_ context.Context, m *machine, sec *section, _ string) {
	g := sec.from("/proc/locks", m.now())
	for _, file := range []string{"/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock", "/var/lib/apt/lists/lock", "/var/cache/apt/archives/lock"} {
		if pid := m.lockHolder(file); pid != "" {
			g.fact(path.Base(path.Dir(file)), "%s is held by %s (pid %s)", file, orUnknown(m.word("/proc/"+pid+"/comm")), pid)
		}
	}
	if len(g.lines) == 0 {
		g.text("nobody holds a lock of dpkg or apt at this moment")
	}
}}

// lockHolder returns the process that holds a lock on a file, or nothing.
func (m *machine) lockHolder(file string) string {
	info, err := os.Stat(m.path(file))
	if err != nil {
		return ""
	}
	inode, ok := inodeOf(info)
	if !ok {
		return ""
	}
	return parseLocks(m.read("/proc/locks", 1<<20), inode)
}

// parseLocks finds the owner of a lock in /proc/locks:
//
//	1: POSIX  ADVISORY  WRITE 812 fe:00:1049 0 EOF
func parseLocks(text, inode string) string {
	for _, line := range lines(text) {
		f := strings.Fields(line)
		if len(f) < 8 || f[1] == "->" || f[4] == "-1" {
			continue
		}
		if strings.HasSuffix(f[5], ":"+inode) {
			return f[4]
		}
	}
	return ""
}

func orUnknown(s string) string {
	if s == "" {
		return "an unknown process"
	}
	return s
}
