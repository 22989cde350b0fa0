package main

import (
	"context"
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
		g.fact("port "+port, "%s listens on it", strings.Join(who, ", "))
	case m.owner(port) != "":
		g.fact("port "+port, "a process of the user %s listens on it; this plugin may not see which, ss -ltnp shows it to root", m.owner(port))
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
		var mine []*process
		var ports []string
		for _, p := range r.all {
			if slices.Contains(programs, path.Base(p.program)) {
				mine = append(mine, p)
				ports = append(ports, p.ports...)
			}
		}
		g := sec.from(processSource, r.asOf)
		if len(mine) == 0 {
			g.fact(programs[0], "does not run")
			return
		}
		g.fact(programs[0], "runs: %s", byProgram(mine))
		slices.Sort(ports)
		if ports = slices.Compact(ports); len(ports) > 0 {
			g.fact("listening on", "%s", names(ports, m.settings.list))
		}
	}}
}
