package main

import (
	"context"
	"strings"
)

// pacman answers on Arch and its relatives, from the local database and the
// databases that were last fetched.
type pacman struct {
	m     *machine
	facts memo[*packageFacts]
}

var _ manager = (*pacman)(nil)

func newPacman(m *machine) manager { return &pacman{m: m} }

const pacmanDatabase = "/var/lib/pacman/local"

// describe implements manager.
func (p *pacman) describe(ctx context.Context, name string) (*packageFacts, error) {
	l := p.m.newest("/var/lib/pacman/sync", "pacman -Sy, as part of a whole upgrade,", "/var/lib/pacman/sync/*.db")
	state := p.m.state(pacmanDatabase) + stamp(l.written)
	kept, err := p.facts.get(ctx, name, state, func(ctx context.Context) (*packageFacts, error) { return p.load(ctx, name, l) })
	if err != nil {
		return nil, err
	}
	facts := *kept
	if facts.installed == "" {
		return &facts, nil
	}
	var backup output
	if err := p.m.askAll(ctx, question{&backup, "pacman", []string{"-Qii", "--", name}}); err != nil {
		return nil, err
	}
	facts.config, facts.configChecked = parseBackup(backup.stdout)
	facts.configFrom = origin{"pacman -Qii (Backup Files)", p.m.now()}
	return &facts, nil
}

func (p *pacman) load(ctx context.Context, name string, l lists) (*packageFacts, error) {
	local := origin{"pacman -Qi", p.m.modified(pacmanDatabase)}
	f := &packageFacts{name: name, wantedBy: -1, lists: l, security: security{silent: "pacman's lists do not mark security updates"}}
	f.security.from = origin{"pacman -Si", l.written}
	var here, there, files, simulated output
	err := p.m.askAll(ctx,
		question{&here, "pacman", []string{"-Qi", "--", name}},
		question{&there, "pacman", []string{"-Si", "--", name}},
		question{&files, "pacman", []string{"-Qlq", "--", name}})
	if err != nil {
		return nil, err
	}
	installed, offered := parsePacman(here.stdout), parsePacman(there.stdout)
	if installed["Name"] == name { // -Q also finds who provides the name
		f.installed, f.installedFrom, f.footprint = installed["Version"], local, installed["Installed Size"]
		f.files, f.filesFrom = telling(lines(files.stdout)), origin{"pacman -Ql", local.asOf}
	}
	if offered["Name"] == name && l.present {
		f.candidate, f.candidateFrom, f.download = offered["Version"], f.security.from, offered["Download Size"]
		f.lists.detail = []string{"offered by " + offered["Repository"]}
	}
	if other := installed["Name"]; other != "" && other != name {
		f.virtual = []string{other + " (installed)"}
	}
	fields, from := installed, local
	switch {
	case f.installed == "" && f.candidate == "" && f.virtual != nil:
		return f, nil
	case f.installed == "" && f.candidate == "":
		looked := "it is not installed, and there are no package lists to look in"
		if l.present {
			looked = "it is neither installed nor in pacman's lists, " + l.describe(p.m.now())
		}
		return nil, &errUnknown{looked}
	case f.installed == "":
		fields, from = offered, f.candidateFrom
		f.footprint = offered["Installed Size"]
	default:
		f.neededBy, f.neededByFrom = pacmanList(fields["Required By"]), from
	}
	f.summary, f.arch = fields["Description"], fields["Architecture"]
	f.depends, f.dependsFrom = pacmanList(fields["Depends On"]), from
	if f.candidate != "" && f.candidate == f.installed {
		f.unchanged()
		return f, nil
	}
	if f.candidate != "" && p.m.simulate {
		if err := p.m.askAll(ctx, question{&simulated, "pacman", pacmanSimulation(name)}); err != nil {
			return nil, err
		}
		f.change = parsePacmanSimulation(simulated, name, f.installed)
		f.change.from = origin{"pacman -S --print", l.written}
	}
	return f, nil
}

func pacmanSimulation(name string) []string {
	return []string{"-S", "--print", "--needed", "--print-format", "%n %v", "--", name}
}

// parsePacman reads the first package of `pacman -Qi` or `-Si`: "Name : value"
// and lines that continue a value.
func parsePacman(text string) map[string]string {
	fields := map[string]string{}
	last := ""
	for line := range strings.SplitSeq(text, "\n") {
		if strings.TrimSpace(line) == "" {
			if len(fields) > 0 {
				break
			}
			continue
		}
		name, value, ok := strings.Cut(line, " : ")
		if ok && line[0] != ' ' {
			last = strings.TrimSpace(name)
			fields[last] = strings.TrimSpace(value)
		} else if last != "" && line[0] == ' ' {
			fields[last] += "  " + strings.TrimSpace(line)
		}
	}
	return fields
}

// pacmanList splits a list, in which two spaces part the names.
func pacmanList(value string) []string {
	if value == "None" {
		return nil
	}
	return strings.Fields(value)
}

// parseBackup reads the configuration files of `pacman -Qii`, as pacman 6
// ("/etc/x [modified]") or an older one ("MODIFIED\t/etc/x") tells of them.
func parseBackup(text string) (changed []configFile, compared int) {
	for _, line := range lines(text) {
		line = strings.TrimSpace(strings.TrimPrefix(line, "Backup Files"))
		line = strings.TrimSpace(strings.TrimPrefix(line, ":"))
		path, how := "", ""
		if before, state, ok := strings.Cut(line, " ["); ok && strings.HasPrefix(before, "/") {
			path, how = before, strings.TrimSuffix(state, "]")
		} else if state, after, ok := strings.Cut(line, "\t"); ok && strings.HasPrefix(after, "/") {
			path, how = after, strings.ToLower(state)
		}
		switch how {
		case "":
			continue
		case "modified":
			changed = append(changed, configFile{path, "changed"})
		case "missing":
			changed = append(changed, configFile{path, "missing"})
		case "unreadable":
			changed = append(changed, configFile{path, "cannot be read by this user"})
		}
		compared++
	}
	return changed, compared
}

// parsePacmanSimulation reads the packages that an install would bring.
func parsePacmanSimulation(out output, name, installed string) change {
	c := change{known: true}
	for _, line := range lines(out.stdout) {
		f := strings.Fields(line)
		switch {
		case len(f) != 2:
		case f[0] == name && installed != "":
			c.upgrade = append(c.upgrade, name+" "+installed+" -> "+f[1])
		default:
			c.install = append(c.install, f[0]+" "+f[1]) // or upgrade: pacman does not say which
		}
	}
	if len(c.install) > 0 {
		c.summary = "pacman does not tell which of these are installed in an older version"
	}
	if out.exit != 0 {
		c.problem = out.complaint()
	}
	return c
}
