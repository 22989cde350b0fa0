package main

import (
	"context"
	"os"
	"path"
	"slices"
	"strings"
)

// lookLists tells how old the package lists are.
var lookLists = look{"package lists", "", func(_ context.Context, m *machine, sec *section, _ string) {
	if _, ok := m.manager.(*apt); !ok {
		return
	}
	l := m.aptListState()
	g := sec.from(l.source, m.now())
	g.fact("package lists", "%s", l.describe(m.now()))
	if len(l.detail) > 0 {
		g.fact("archives", "%s", strings.Join(l.detail, "; "))
	}
}}

// lookDpkg tells which packages are not in the state they should be in.
var lookDpkg = look{"dpkg", "", func(ctx context.Context, m *machine, sec *section, _ string) {
	a, ok := m.manager.(*apt)
	if !ok {
		return
	}
	db, err := a.read(ctx)
	if err != nil {
		sec.from("dpkg-query -W", m.now()).text("dpkg's database could not be read: %v", err)
		return
	}
	var broken, held []string
	for _, entries := range db.packages {
		for _, p := range entries {
			switch text := p.trouble(); {
			case strings.HasPrefix(text, "on hold"):
				held = append(held, p.name)
			case text != "" && p.installed():
				broken = append(broken, p.name+" ("+text+")")
			}
		}
	}
	slices.Sort(broken)
	slices.Sort(held)
	g := sec.from("dpkg-query -W", db.asOf)
	g.fact("not in order", "%s", names(broken, m.settings.list))
	g.fact("on hold", "%s", names(held, m.settings.list))
}}

// lookPackage tells in a line what is known of the package that the error
// names.
var lookPackage = look{"package", "package", func(ctx context.Context, m *machine, sec *section, name string) {
	name, _, _ = strings.Cut(name, ":")
	if m.manager == nil || !packageName.MatchString(name) || strings.Contains(name, "..") {
		return
	}
	g := sec.from("this machine's package tools", m.now())
	facts, err := m.manager.describe(ctx, name)
	if err != nil {
		g.fact("package "+name, "%v", err)
		return
	}
	g.text("%s", facts.headline())
}}

// lookLocks tells who holds the locks of dpkg and apt.
var lookLocks = look{"package locks", "", func(_ context.Context, m *machine, sec *section, _ string) {
	g := sec.from("/proc/locks", m.now())
	for _, file := range []string{"/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock", "/var/lib/apt/lists/lock", "/var/cache/apt/archives/lock"} {
		if pid := m.lockHolder(file); pid != "" {
			g.fact(path.Base(path.Dir(file)), "%s is held by %s (pid %s)", file, orUnknown(m.word("/proc/"+pid+"/comm"), "process"), pid)
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

func orUnknown(s, what string) string {
	if s == "" {
		return "an unknown " + what
	}
	return s
}
