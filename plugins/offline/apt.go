package main

import (
	"context"
	"slices"
	"strings"
	"sync"
)

// apt answers on Debian and its descendants, from dpkg's database and, where
// there are package lists, from apt. It is safe for concurrent use.
type apt struct {
	m        *machine
	database memo[*dpkgDatabase]
	options  memo[[]string]
	facts    memo[*packageFacts]
}

var _ manager = (*apt)(nil)

func newApt(m *machine) manager { return &apt{m: m} }

// describe implements manager. Facts are kept for as long as the database and
// the lists stay as they are; configuration files are compared each time.
func (a *apt) describe(ctx context.Context, name string) (*packageFacts, error) {
	state := a.m.aptState()
	db, err := a.read(ctx)
	if err != nil {
		return nil, err
	}
	kept, err := a.facts.get(ctx, name, state, func(ctx context.Context) (*packageFacts, error) {
		return a.load(ctx, db, name, state)
	})
	if err != nil {
		return nil, err
	}
	facts := *kept
	base, arch, _ := strings.Cut(name, ":")
	if p := db.find(base, arch); p != nil {
		facts.config = a.m.changedConffiles(p.conffiles)
		facts.configChecked = len(p.conffiles)
		facts.configFrom = origin{"dpkg-query -W (Conffiles), MD5 of the files", a.m.now()}
	}
	return &facts, nil
}

// read returns dpkg's database, from memory if it has not changed.
func (a *apt) read(ctx context.Context) (*dpkgDatabase, error) {
	return a.database.get(ctx, "", a.m.aptState(), a.m.readDpkg)
}

func (a *apt) load(ctx context.Context, db *dpkgDatabase, name, state string) (*packageFacts, error) {
	base, arch, _ := strings.Cut(name, ":")
	f := &packageFacts{name: base, arch: arch, wantedBy: -1, lists: a.m.aptListState()}
	p := db.find(base, arch)
	if p != nil {
		a.fromDpkg(f, db, p)
	}
	if f.lists.present && a.m.tools.Has("apt-cache") {
		options, err := a.options.get(ctx, "", state, func(ctx context.Context) ([]string, error) { return a.m.indexOptions(ctx), nil })
		if err != nil {
			return nil, err
		}
		known, err := a.fromLists(ctx, f, db, options, name)
		if err != nil || !known && p == nil {
			if err == nil {
				err = &errUnknown{"it is neither in dpkg's database nor in apt's lists, " + f.lists.describe(a.m.now())}
			}
			return nil, err
		}
	} else if p == nil {
		return nil, &errUnknown{"dpkg does not know it, and there are no package lists to look in; `apt-get update` fetches them"}
	}
	if f.installed == "" {
		return f, nil
	}
	files, err := a.m.tools.Run(ctx, "dpkg-query", "-L", "--", name)
	if err != nil {
		return nil, err
	}
	f.files, f.filesFrom = telling(lines(files.stdout)), origin{"dpkg-query -L", db.asOf}
	return f, nil
}

func (a *apt) fromDpkg(f *packageFacts, db *dpkgDatabase, p *dpkgPackage) {
	f.status, f.summary, f.arch = p.trouble(), p.summary, p.arch
	f.installedFrom = origin{"dpkg-query -W", db.asOf}
	f.dependsFrom, f.neededByFrom = f.installedFrom, f.installedFrom
	if !p.installed() {
		return
	}
	f.installed = p.version
	if p.source != p.name {
		f.source = p.source
	}
	if p.kilobytes != "" {
		f.footprint = size(1024 * parseUint(p.kilobytes))
	}
	f.depends, f.recommends, f.neededBy = p.depends, p.recommends, db.needs(p)
}

// aptAnswers are what apt says about one package beside its policy.
type aptAnswers struct {
	show, showpkg, simulated          output
	showErr, showpkgErr, simulatedErr error
	simulate                          bool // whether apt was asked what an install would change
}

// fromLists adds what the lists know, and reports whether they know the
// package.
func (a *apt) fromLists(ctx context.Context, f *packageFacts, db *dpkgDatabase, options []string, name string) (bool, error) {
	ask := func(tool string, args ...string) (output, error) {
		return a.m.tools.Run(ctx, tool, append(slices.Clone(options), args...)...)
	}
	out, err := ask("apt-cache", "policy", "--", name)
	if err != nil {
		return false, err
	}
	policies := parsePolicy(out.stdout)
	if len(policies) != 1 || policies[0].name != name && policies[0].name != f.name && !strings.HasPrefix(policies[0].name, name+":") {
		return false, nil // nothing, or a pattern's matches
	}
	p := &policies[0]
	a.fromPolicy(f, p)
	said := a.askMore(f, p, name, ask)
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	reverse, providers := parseShowpkg(said.showpkg.stdout)
	for i, provider := range providers {
		if p := db.find(provider, ""); p != nil && p.installed() {
			providers[i] += " (installed)"
		}
	}
	if p.candidate == "" && f.installed == "" {
		f.virtual = providers
		return len(providers) > 0, nil
	}
	if said.showpkgErr == nil && said.showpkg.ok() {
		f.wantedBy, f.wantedByFrom = len(reverse), origin{"apt-cache showpkg", f.lists.written}
	}
	if said.showErr == nil {
		a.fromShow(f, parseControl(said.show.stdout, p.candidate))
	}
	switch {
	case f.installed == p.candidate && f.status == "":
		f.unchanged()
	case said.simulate && said.simulatedErr == nil:
		f.change = parseSimulation(said.simulated)
		f.change.from = origin{"apt-get -s install", f.lists.written}
	case said.simulate:
		f.notes = append(f.notes, "what an install would change was not found out: "+said.simulatedErr.Error())
	}
	return true, nil
}

func (a *apt) fromPolicy(f *packageFacts, p *policy) {
	f.candidate, f.candidateFrom = p.candidate, origin{"apt-cache policy", f.lists.written}
	f.passedOver, f.pin, f.local = p.passedOver(), p.pin, p.local()
	f.security = p.security()
	f.security.from = f.candidateFrom
	if f.security.archive == "" {
		f.security.archive = a.securityArchive()
	}
}

// askMore asks at once what does not depend on each other.
func (a *apt) askMore(f *packageFacts, p *policy, name string, ask func(string, ...string) (output, error)) *aptAnswers {
	said := &aptAnswers{simulate: a.m.simulate && p.candidate != "" && a.m.tools.Has("apt-get") && (f.installed != p.candidate || f.status != "")}
	var asked sync.WaitGroup
	asked.Go(func() { said.showpkg, said.showpkgErr = ask("apt-cache", "showpkg", "--", name) })
	if p.candidate != "" && p.candidate != f.installed {
		asked.Go(func() { said.show, said.showErr = ask("apt-cache", "show", "--", name) })
	}
	if said.simulate {
		asked.Go(func() { said.simulated, said.simulatedErr = ask("apt-get", simulation(name)...) })
	}
	asked.Wait()
	return said
}

// simulation is the command that asks what an install would change. It has -s
// twice, says no to every question, and never -q, which implies yes.
func simulation(name string) []string {
	return []string{"-s", "-o", "APT::Get::Simulate=true", "-o", "APT::Get::Assume-Yes=false", "-o", "APT::Get::Assume-No=true",
		"-o", "APT::Get::Show-User-Simulation-Note=false", "-o", "Debug::NoLocking=true", "install", "--", name}
}

// fromShow adds what the candidate's control fields say.
func (a *apt) fromShow(f *packageFacts, fields map[string]string) {
	if fields["Package"] == "" {
		return
	}
	f.candidateFrom.source += ", apt-cache show"
	if f.summary == "" {
		f.summary = fields["Description"]
		if f.summary == "" {
			f.summary = fields["Description-en"]
		}
	}
	if n := parseUint(fields["Size"]); n > 0 {
		f.download = size(n)
	}
	if f.installed != "" {
		return
	}
	f.arch = fields["Architecture"]
	if n := parseUint(fields["Installed-Size"]); n > 0 {
		f.footprint = size(1024 * n)
	}
	f.depends = append(clauses(fields["Pre-Depends"]), clauses(fields["Depends"])...)
	f.recommends = clauses(fields["Recommends"])
	f.dependsFrom = origin{"apt-cache show", f.lists.written}
}

// securityArchive names a security archive among the lists, for packages that
// it does not hold.
func (a *apt) securityArchive() string {
	for _, name := range a.m.list(aptLists) {
		if !strings.HasSuffix(name, "Release") {
			continue
		}
		if _, rest, ok := strings.Cut(name, "_dists_"); ok {
			suite := strings.TrimSuffix(strings.TrimSuffix(rest, "_InRelease"), "_Release")
			if strings.HasSuffix(suite, "-security") || strings.Contains(name, "security") && strings.HasSuffix(suite, "_updates") {
				return strings.ReplaceAll(suite, "_", "/")
			}
		}
	}
	return ""
}
