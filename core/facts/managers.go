package facts

import (
	"bytes"
	"context"
	"io"
	"os/exec"
	"regexp"
	"strings"
)

// A manager is a family of package tools.
type manager struct {
	// name is what people call it.
	name string
	// tools must all be there.
	tools []string
	// state are the files and directories whose change makes old answers void.
	state []string
	// some looks up a few packages.
	some func(l *lookup, names []string)
	// everything reads all that there is, or is nil.
	everything func(l *lookup)
}

var managers = []manager{
	{
		name: "apt", tools: []string{"dpkg-query", "apt-cache"},
		state: []string{"/var/lib/dpkg/status", "/var/lib/apt/lists", "/etc/apt", "/etc/apt/sources.list.d", "/etc/apt/preferences.d"},
		some:  aptSome, everything: aptEverything,
	},
	{name: "dpkg", tools: []string{"dpkg-query"}, state: []string{"/var/lib/dpkg/status"}, some: dpkgSome},
	{
		name: "dnf", tools: []string{"rpm", "dnf"},
		state: []string{"/var/lib/rpm", "/usr/lib/sysimage/rpm", "/var/cache/dnf", "/var/cache/libdnf5", "/etc/yum.repos.d"},
		some:  dnfSome,
	},
	{name: "rpm", tools: []string{"rpm"}, state: []string{"/var/lib/rpm", "/usr/lib/sysimage/rpm"}, some: rpmSome},
	{name: "apk", tools: []string{"apk"}, state: []string{"/lib/apk/db/installed", "/var/cache/apk", "/etc/apk/repositories"}, some: apkSome},
	{name: "pacman", tools: []string{"pacman"}, state: []string{"/var/lib/pacman/local", "/var/lib/pacman/sync"}, some: pacmanSome},
}

// findManager returns the first manager whose tools this machine has.
func findManager() *manager {
next:
	for i := range managers {
		for _, tool := range managers[i].tools {
			if _, err := exec.LookPath(tool); err != nil {
				continue next
			}
		}
		return &managers[i]
	}
	return nil
}

// A lookup collects what tools say.
type lookup struct {
	ctx   context.Context
	run   func(ctx context.Context, out io.Writer, tool string, args ...string) error
	found map[string]Package
}

// lines runs a tool and calls f for each line of its output. A tool that fails
// has no lines or fewer: most tools fail when one of many names is unknown.
func (l *lookup) lines(f func(line string), tool string, args ...string) {
	out := &lineWriter{f: f}
	_ = l.run(l.ctx, out, tool, args...)
	out.end()
}

// A lineWriter calls f for each line that is written to it: what apt knows of
// all packages is too much to keep.
type lineWriter struct {
	f    func(line string)
	part []byte // a line whose end has not come yet
}

// Write never fails.
func (w *lineWriter) Write(p []byte) (int, error) {
	n := len(p)
	for {
		line, rest, whole := bytes.Cut(p, []byte("\n"))
		w.part = append(w.part, line...)
		if !whole {
			return n, nil
		}
		w.line()
		p = rest
	}
}

func (w *lineWriter) line() {
	w.f(string(w.part))
	w.part = w.part[:0]
}

// end takes what was written since the last line's end for a line.
func (w *lineWriter) end() {
	if len(w.part) > 0 {
		w.line()
	}
}

// fields is lines for output of tab-separated fields.
func (l *lookup) fields(n int, f func(fields []string), tool string, args ...string) {
	l.lines(func(line string) {
		if fields := strings.Split(line, "\t"); len(fields) == n {
			f(fields)
		}
	}, tool, args...)
}

func (l *lookup) change(name string, f func(p *Package)) {
	p := l.found[name]
	f(&p)
	l.found[name] = p
}

const dpkgFormat = "${db:Status-Status}\t${Package}\t${binary:Package}\t${Version}\t${Architecture}\n"

func (l *lookup) dpkg(names ...string) {
	l.fields(5, func(f []string) {
		if f[0] != "installed" {
			return
		}
		set := func(p *Package) { p.Installed, p.Architecture = f[3], f[4] }
		l.change(f[1], set)
		if f[2] != f[1] {
			l.change(f[2], set)
		}
	}, "dpkg-query", append([]string{"-W", "-f=" + dpkgFormat, "--"}, names...)...)
}

func dpkgSome(l *lookup, names []string) { l.dpkg(names...) }

// aptSome asks apt for candidates, and for the architecture of those that are
// not installed.
func aptSome(l *lookup, names []string) {
	l.dpkg(names...)
	name := ""
	l.lines(func(line string) {
		if !strings.HasPrefix(line, " ") {
			name = strings.TrimSuffix(line, ":")
		} else if version, ok := strings.CutPrefix(line, "  Candidate: "); ok && version != "(none)" {
			l.change(name, func(p *Package) { p.Candidate = version })
		}
	}, "apt-cache", append([]string{"policy", "--"}, names...)...)
	var fresh []string
	for _, name := range names {
		if p := l.found[name]; p.Candidate != "" && p.Architecture == "" {
			fresh = append(fresh, name)
		}
	}
	if len(fresh) > 0 {
		l.stanzas(func(name, _, arch string) {
			l.change(name, func(p *Package) { p.Architecture = arch })
		}, "apt-cache", append([]string{"--no-all-versions", "show", "--"}, fresh...)...)
	}
}

// aptEverything reads the status of all packages and all candidates.
func aptEverything(l *lookup) {
	l.stanzas(func(name, version, arch string) {
		l.change(name, func(p *Package) { p.Candidate, p.Architecture = version, arch })
	}, "apt-cache", "dumpavail")
	l.dpkg()
}

// stanzas runs a tool that prints Debian control stanzas.
func (l *lookup) stanzas(f func(name, version, arch string), tool string, args ...string) {
	var name, version, arch string
	end := func() {
		if name != "" {
			f(name, version, arch)
		}
		name, version, arch = "", "", ""
	}
	l.lines(func(line string) {
		switch key, value, _ := strings.Cut(line, ": "); key {
		case "":
			end()
		case "Package":
			name = value
		case "Version":
			version = value
		case "Architecture":
			arch = value
		}
	}, tool, args...)
	end()
}

const rpmFormat = "%{NAME}\t%{VERSION}-%{RELEASE}\t%{ARCH}\n"

func rpmSome(l *lookup, names []string) {
	l.fields(3, func(f []string) {
		l.change(f[0], func(p *Package) { p.Installed, p.Architecture = f[1], f[2] })
	}, "rpm", append([]string{"-q", "--qf", rpmFormat, "--"}, names...)...)
}

func dnfSome(l *lookup, names []string) {
	rpmSome(l, names)
	l.fields(3, func(f []string) {
		l.change(f[0], func(p *Package) {
			p.Candidate = f[1]
			if p.Architecture == "" {
				p.Architecture = f[2]
			}
		})
	}, "dnf", append([]string{"-q", "--cacheonly", "repoquery", "--latest-limit=1",
		"--queryformat", "%{name}\t%{version}-%{release}\t%{arch}\n", "--"}, names...)...)
}

// apkLine is a line of `apk list`: name-version-rN arch {origin} (license) [status]
var apkLine = regexp.MustCompile(`^(\S+)-([0-9][^-\s]*-r[0-9]+) (\S+) `)

func apkSome(l *lookup, names []string) {
	l.lines(func(line string) {
		f := apkLine.FindStringSubmatch(line)
		if f == nil {
			return
		}
		l.change(f[1], func(p *Package) {
			p.Architecture = f[3]
			if strings.Contains(line, "[installed]") || strings.Contains(line, "[upgradable to") {
				p.Installed = f[2]
				if p.Candidate == "" {
					p.Candidate = f[2]
				}
			}
			if !strings.Contains(line, "[upgradable to") {
				p.Candidate = f[2]
			}
		})
	}, "apk", append([]string{"list", "--"}, names...)...)
}

func pacmanSome(l *lookup, names []string) {
	l.lines(func(line string) {
		if name, version, ok := strings.Cut(line, " "); ok {
			l.change(name, func(p *Package) { p.Installed = version })
		}
	}, "pacman", append([]string{"-Q", "--"}, names...)...)
	name := ""
	l.lines(func(line string) {
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch strings.TrimSpace(key) {
		case "Name":
			name = value
		case "Version":
			l.change(name, func(p *Package) { p.Candidate = value })
		case "Architecture":
			l.change(name, func(p *Package) { p.Architecture = value })
		}
	}, "pacman", append([]string{"-Si", "--"}, names...)...)
}
