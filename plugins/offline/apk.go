package main

import (
	"context"
	"regexp"
	"slices"
	"strings"
)

// apk answers on Alpine and its relatives. It never reaches the network:
// --no-network goes with every question that could.
type apk struct {
	m     *machine
	facts memo[*packageFacts]
}

var _ manager = (*apk)(nil)

func newAPK(m *machine) manager { return &apk{m: m} }

var (
	apkDatabase = []string{"/lib/apk/db/installed", "/usr/lib/apk/db/installed"}
	apkLists    = []string{"/var/cache/apk/APKINDEX.*.tar.gz", "/etc/apk/cache/APKINDEX.*.tar.gz", "/lib/apk/db/APKINDEX.*.tar.gz"}
)

// describe implements manager.
func (a *apk) describe(ctx context.Context, name string) (*packageFacts, error) {
	l := a.m.newest("apk's index", "apk update", apkLists...)
	state := a.m.state(apkDatabase...) + stamp(l.written)
	kept, err := a.facts.get(ctx, name, state, func(ctx context.Context) (*packageFacts, error) { return a.load(ctx, name, l) })
	if err != nil {
		return nil, err
	}
	facts := *kept
	if facts.installed == "" {
		return &facts, nil
	}
	var audit output
	if err := a.m.askAll(ctx, question{&audit, "apk", []string{"audit", "--no-network"}}); err != nil {
		return nil, err
	}
	facts.config, facts.configChecked = parseAudit(audit.stdout, facts.files)
	facts.configFrom = origin{"apk audit", a.m.now()}
	return &facts, nil
}

func (a *apk) load(ctx context.Context, name string, l lists) (*packageFacts, error) {
	database := latest(a.m.modified(apkDatabase[0]), a.m.modified(apkDatabase[1]))
	var pol, found, info, simulated output
	err := a.m.askAll(ctx,
		question{&pol, "apk", []string{"policy", "--no-network", "--", name}},
		question{&found, "apk", []string{"search", "--no-network", "--exact", "--", name}},
		question{&info, "apk", []string{"info", "--no-network", "--description", "--size", "--depends", "--rdepends", "--contents", "--", name}})
	if err != nil {
		return nil, err
	}
	f := &packageFacts{name: name, wantedBy: -1, lists: l, security: security{silent: "Alpine's lists do not mark security updates"}}
	f.security.from = origin{"apk policy", l.written}
	f.installed = parseAPKPolicy(pol.stdout)
	if l.present {
		f.candidate, f.candidateFrom = parseAPKSearch(found.stdout, name), origin{"apk search --exact", l.written}
	}
	if f.installed == "" && f.candidate == "" {
		looked := "apk's database does not hold it, and there is no index to look in; `apk update` fetches one"
		if l.present {
			looked = "it is neither in apk's database nor in its index, " + l.describe(a.m.now())
		}
		return nil, &errUnknown{looked}
	}
	parts := parseAPKInfo(info.stdout)
	f.summary, f.footprint = strings.Join(parts["description"], " "), strings.Join(parts["installed size"], " ")
	f.depends, f.dependsFrom = parts["depends on"], origin{"apk info", database}
	if f.installed != "" {
		f.installedFrom = origin{"apk policy", database}
		f.neededBy, f.neededByFrom = parts["is required by"], f.dependsFrom
		for _, file := range telling(parts["contains"]) {
			f.files = append(f.files, "/"+strings.TrimPrefix(file, "/"))
		}
		f.filesFrom = origin{"apk info --contents", database}
	}
	if f.candidate != "" && f.candidate == f.installed {
		f.unchanged()
		return f, nil
	}
	if f.candidate != "" && a.m.simulate {
		if err := a.m.askAll(ctx, question{&simulated, "apk", apkSimulation(name)}); err != nil {
			return nil, err
		}
		f.change = parseAPKSimulation(simulated)
		f.change.from = origin{"apk add --simulate --upgrade", l.written}
	}
	return f, nil
}

func apkSimulation(name string) []string {
	return []string{"add", "--simulate", "--no-network", "--upgrade", "--", name}
}

// parseAPKPolicy returns the version that is installed: the one offered by the
// database of what is.
func parseAPKPolicy(text string) string {
	version := ""
	for line := range strings.SplitSeq(text, "\n") {
		switch {
		case strings.HasPrefix(line, "    "):
			if strings.HasSuffix(strings.TrimSpace(line), "apk/db/installed") {
				return version
			}
		case strings.HasPrefix(line, "  "):
			version = strings.TrimSuffix(strings.TrimSpace(line), ":")
		}
	}
	return ""
}

// parseAPKSearch returns the version of the line that is the package's.
func parseAPKSearch(text, name string) string {
	for _, line := range lines(text) {
		if version, ok := strings.CutPrefix(line, name+"-"); ok && version != "" && version[0] >= '0' && version[0] <= '9' {
			return version
		}
	}
	return ""
}

var apkHeading = regexp.MustCompile(`^\S+ (description|installed size|depends on|is required by|contains):$`)

// parseAPKInfo reads `apk info`: headings such as "nginx-1.24.0-r1 contains:",
// and lines up to a blank one. Of two versions, the first counts.
func parseAPKInfo(text string) map[string][]string {
	parts := map[string][]string{}
	part := ""
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		if m := apkHeading.FindStringSubmatch(line); m != nil {
			part = m[1]
			if _, known := parts[part]; known {
				part = ""
			} else {
				parts[part] = nil
			}
		} else if line == "" {
			part = ""
		} else if part != "" {
			parts[part] = append(parts[part], line)
		}
	}
	return parts
}

var apkStep = regexp.MustCompile(`^\(\d+/\d+\) (Installing|Upgrading|Downgrading|Replacing|Reinstalling|Purging|Deleting) (\S+) \((.*)\)`)

// parseAPKSimulation reads the steps of `apk add --simulate`.
func parseAPKSimulation(out output) change {
	c := change{known: true}
	for _, line := range lines(out.stdout) {
		if m := apkStep.FindStringSubmatch(line); m != nil {
			switch m[1] {
			case "Installing":
				c.install = append(c.install, m[2]+" "+m[3])
			case "Purging", "Deleting":
				c.remove = append(c.remove, m[2])
			default:
				c.upgrade = append(c.upgrade, m[2]+" "+m[3])
			}
		} else if rest, ok := strings.CutPrefix(line, "OK: "); ok {
			c.summary = "afterwards " + rest
		}
	}
	if out.exit != 0 {
		c.problem = clip(strings.TrimPrefix(strings.Join(lines(out.stderr), " "), "ERROR: "), 600)
	}
	return c
}

// parseAudit reads `apk audit`: the files under /etc that differ from what
// packages brought, of which it keeps a package's own. It also tells how many
// of the package's files were compared.
func parseAudit(text string, files []string) (changed []configFile, compared int) {
	for _, file := range files {
		if strings.HasPrefix(file, "/etc/") {
			compared++
		}
	}
	for _, line := range lines(text) {
		kind, path, ok := strings.Cut(line, " ")
		path = "/" + strings.TrimPrefix(strings.TrimSpace(path), "/")
		if !ok || !slices.Contains(files, path) {
			continue
		}
		switch kind {
		case "U":
			changed = append(changed, configFile{path, "changed"})
		case "X", "D":
			changed = append(changed, configFile{path, "missing"})
		}
	}
	return changed, compared
}
