package main

import (
	"context"
	"path"
	"regexp"
	"slices"
	"strings"
)

// A unit is a systemd unit that a package brought.
type unit struct {
	name, load, active, sub, file, listen string
}

var unitFile = regexp.MustCompile(`^(?:/usr)?/lib/systemd/system/([A-Za-z0-9:_.\\-]+@?\.(?:service|socket|timer|path|mount|target))$`)

// maxUnits bounds how many units are asked about.
const maxUnits = 20

// jobs are the files by which a package runs without a unit.
var jobs = regexp.MustCompile(`^/etc/(?:init\.d|cron\.(?:d|hourly|daily|weekly|monthly))/[A-Za-z0-9._+-]+$`)

// unitsOf takes the units and other jobs out of a package's files.
func unitsOf(files []string) (units, templates, others []string) {
	for _, file := range files {
		if m := unitFile.FindStringSubmatch(file); m != nil {
			if strings.Contains(m[1], "@") {
				templates = append(templates, m[1])
			} else {
				units = append(units, m[1])
			}
		} else if jobs.MatchString(file) {
			others = append(others, file)
		}
	}
	slices.Sort(units)
	slices.Sort(templates)
	return slices.Compact(units), slices.Compact(templates), others
}

// systemdRuns reports whether systemd is this machine's init.
func (m *machine) systemdRuns() bool {
	return m.link("/proc/1/exe") == "systemd" || !m.modified("/run/systemd/system").IsZero()
}

// askUnits asks systemd for the state of units.
func (m *machine) askUnits(ctx context.Context, units []string) ([]unit, error) {
	args := append([]string{"show", "--no-pager", "--property=Id,LoadState,ActiveState,SubState,UnitFileState,Listen", "--"}, units...)
	out, err := m.tools.Run(ctx, "systemctl", args...)
	if err != nil {
		return nil, err
	}
	return parseUnits(out.stdout), nil
}

// parseUnits reads `systemctl show`: paragraphs of name=value.
func parseUnits(text string) []unit {
	var all []unit
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		var u unit
		for line := range strings.SplitSeq(paragraph, "\n") {
			name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			switch name {
			case "Id":
				u.name = value
			case "LoadState":
				u.load = value
			case "ActiveState":
				u.active = value
			case "SubState":
				u.sub = value
			case "UnitFileState":
				u.file = value
			case "Listen":
				u.listen = strings.TrimPrefix(u.listen+", "+value, ", ")
			}
		}
		if u.name != "" {
			all = append(all, u)
		}
	}
	return all
}

// describe renders a unit's state: "active (running), enabled at boot".
func (u *unit) describe() string {
	text := u.active
	if u.sub != "" && u.sub != u.active {
		text += " (" + u.sub + ")"
	}
	if u.load != "loaded" && u.load != "" {
		text += ", " + u.load
	}
	switch u.file {
	case "":
	case "enabled", "disabled":
		text += ", " + u.file + " at boot"
	default:
		text += ", " + u.file
	}
	if u.listen != "" {
		text += ", listens on " + u.listen
	}
	return text
}

// writeServices tells what of the package runs: units, processes, ports.
func (m *machine) writeServices(ctx context.Context, s *sheet, f *packageFacts) error {
	sec := s.section("Services and ports")
	units, templates, others := unitsOf(f.files)
	var listed *group
	if len(units)+len(templates)+len(others) > 0 || len(f.files) > 0 {
		listed = sec.from(f.filesFrom.source, f.filesFrom.asOf)
	}
	switch {
	case len(units) == 0:
		if listed != nil {
			listed.fact("units", "none")
		}
	case !m.systemdRuns():
		listed.fact("units", "%s", names(units, m.settings.list))
		listed.fact("their state", "unknown: systemd does not run here")
	default:
		if err := m.writeUnits(ctx, sec, units); err != nil {
			return err
		}
	}
	if len(templates) > 0 {
		listed.fact("unit templates", "%s", names(templates, m.settings.list))
	}
	if len(others) > 0 {
		listed.fact("other jobs", "%s", names(others, m.settings.list))
	}
	return m.writeRunning(ctx, sec, f)
}

func (m *machine) writeUnits(ctx context.Context, sec *section, units []string) error {
	all, err := m.askUnits(ctx, units[:min(len(units), maxUnits)])
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	g := sec.from("systemctl show", m.now())
	if err != nil {
		g.fact("units", "%s; their state was not found out: %v", names(units, m.settings.list), err)
		return nil
	}
	for _, u := range all {
		g.fact(path.Base(u.name), "%s", u.describe())
	}
	if more := len(units) - maxUnits; more > 0 {
		g.fact("more units", "%d", more)
	}
	return nil
}

// writeRunning tells of the processes that run the package's programs, and of
// the ports on which they listen.
func (m *machine) writeRunning(ctx context.Context, sec *section, f *packageFacts) error {
	if len(f.files) == 0 || !m.hasContent("/proc/self") {
		return nil
	}
	r, err := m.live.get(ctx, "", m.moment(), m.findRunning)
	if err != nil {
		return err
	}
	mine := r.of(f.files)
	g := sec.from(processSource, r.asOf)
	if len(mine) == 0 {
		g.fact("processes", "none run a program of this package%s", blind(r.all))
		return nil
	}
	var ports []string
	var replaced []*process
	for _, p := range mine {
		if p.replaced {
			replaced = append(replaced, p)
		}
		ports = append(ports, p.ports...)
	}
	slices.Sort(ports)
	ports = slices.Compact(ports)
	g.fact("processes", "%s%s", byProgram(mine), blind(mine))
	if len(ports) == 0 && blind(mine) != "" {
		g.fact("listening on", "unknown: this plugin may not look at the sockets of these processes (ss -ltnp shows them to root)")
	} else {
		g.fact("listening on", "%s", names(ports, m.settings.list))
	}
	if len(replaced) > 0 {
		g.fact("restart needed", "%s: the program file was replaced while it ran", byProgram(replaced))
	}
	return nil
}
