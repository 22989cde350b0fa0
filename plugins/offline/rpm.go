package main

import (
	"context"
	"slices"
	"strings"
)

// rpm answers on Fedora, RHEL, openSUSE and their relatives, from rpm's
// database and, where dnf is there, from the lists that it has fetched. dnf is
// always told to use its cache alone. It is safe for concurrent use.
type rpm struct {
	m     *machine
	needs memo[rpmNeeds]
	facts memo[*packageFacts]
}

var _ manager = (*rpm)(nil)

func newRPM(m *machine) manager { return &rpm{m: m} }

// rpmNeeds are the names of the packages that require a capability.
type rpmNeeds map[string][]string

const (
	rpmFormat = `%{NAME}\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\t%{ARCH}\t%{SIZE}\t%{SOURCERPM}\t%{SUMMARY}\n`
	dnfFormat = `%{name}\t%{evr}\t%{arch}\t%{repoid}\t%{downloadsize}\t%{installsize}\t%{summary}\n`
)

var (
	rpmDatabase = []string{"/var/lib/rpm/rpmdb.sqlite", "/var/lib/rpm/Packages", "/var/lib/rpm/Packages.db",
		"/usr/lib/sysimage/rpm/rpmdb.sqlite", "/usr/lib/sysimage/rpm/Packages.db"}
	dnfLists = []string{"/var/cache/dnf/*/repodata/repomd.xml", "/var/cache/libdnf5/*/repodata/repomd.xml", "/var/cache/yum/*/*/*/repomd.xml"}
)

// describe implements manager.
func (r *rpm) describe(ctx context.Context, name string) (*packageFacts, error) {
	l := r.m.newest("dnf's cache", "dnf makecache", dnfLists...)
	state := r.m.state(rpmDatabase...) + stamp(l.written)
	kept, err := r.facts.get(ctx, name, state, func(ctx context.Context) (*packageFacts, error) { return r.load(ctx, name, state, l) })
	if err != nil {
		return nil, err
	}
	facts := *kept
	if facts.installed == "" {
		return &facts, nil
	}
	var verified output
	if err := r.m.askAll(ctx, question{&verified, "rpm", []string{"-V", "--nodeps", "--noscripts", "--", name}}); err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		facts.notes = append(slices.Clone(facts.notes), "configuration files were not compared: "+err.Error())
		return &facts, nil
	}
	facts.config = parseVerify(verified.stdout)
	facts.configFrom = origin{"rpm -V", r.m.now()}
	return &facts, nil
}

func (r *rpm) load(ctx context.Context, name, state string, l lists) (*packageFacts, error) {
	now := r.m.now()
	database := latest()
	for _, file := range rpmDatabase {
		database = latest(database, r.m.modified(file))
	}
	f := &packageFacts{name: name, wantedBy: -1, lists: l}
	var query, requires, provides, files, config, repo, advisories output
	asked := []question{
		{&query, "rpm", []string{"-q", "--qf", rpmFormat, "--", name}},
		{&requires, "rpm", []string{"-q", "--requires", "--", name}},
		{&provides, "rpm", []string{"-q", "--qf", `[%{PROVIDENAME}\n]`, "--", name}},
		{&files, "rpm", []string{"-q", "--list", "--", name}},
		{&config, "rpm", []string{"-q", "--configfiles", "--", name}},
	}
	if l.present {
		asked = append(asked,
			question{&repo, "dnf", []string{"-C", "-q", "repoquery", "--latest-limit=1", "--qf", dnfFormat, name}},
			question{&advisories, "dnf", []string{"-C", "-q", "updateinfo", "list", "--security", name}})
	}
	if err := r.m.askAll(ctx, asked...); err != nil {
		return nil, err
	}
	f.fromRPM(query, origin{"rpm -q", database})
	f.fromDnf(repo, advisories, origin{"dnf -C", l.written})
	if f.installed == "" && f.candidate == "" {
		looked := "rpm's database does not hold it, and there are no package lists to look in; `dnf makecache` fetches them"
		if l.present {
			looked = "it is neither in rpm's database nor in dnf's lists, " + l.describe(now)
		}
		return nil, &errUnknown{looked}
	}
	if f.installed != "" {
		f.depends, f.dependsFrom = capabilities(requires.stdout), f.installedFrom
		f.files, f.filesFrom = telling(paths(files.stdout)), origin{"rpm -q --list", database}
		f.configChecked = len(paths(config.stdout))
		needs, err := r.needs.get(ctx, "", state, r.readNeeds)
		if err != nil {
			return nil, err
		}
		f.neededBy, f.neededByFrom = needs.of(name, lines(provides.stdout)), origin{"rpm -q --all", database}
	}
	return f, r.simulate(ctx, f)
}

func (f *packageFacts) fromRPM(query output, from origin) {
	for _, line := range lines(query.stdout) {
		v := strings.Split(line, "\t")
		if query.exit != 0 || len(v) != 6 || v[0] != f.name {
			continue
		}
		f.installed, f.arch, f.summary, f.installedFrom = strings.TrimPrefix(v[1], "0:"), v[2], v[5], from
		f.footprint = size(parseUint(v[3]))
		if !strings.HasPrefix(v[4], v[0]+"-") {
			f.source = v[4]
		}
	}
}

func (f *packageFacts) fromDnf(repo, advisories output, from origin) {
	for _, line := range lines(repo.stdout) {
		v := strings.Split(line, "\t")
		if repo.exit != 0 || len(v) != 7 || v[0] != f.name {
			continue
		}
		f.candidate, f.candidateFrom = strings.TrimPrefix(v[1], "0:"), origin{from.source + " repoquery", from.asOf}
		f.lists.detail = []string{"offered by " + v[3]}
		f.download = size(parseUint(v[4]))
		if f.installed == "" {
			f.arch, f.summary, f.footprint = v[2], v[6], size(parseUint(v[5]))
		}
	}
	f.security = parseAdvisories(advisories.stdout, f.name)
	f.security.from = origin{from.source + " updateinfo list --security", from.asOf}
}

// simulate asks dnf what an install would do. It answers no for us, with -C it
// fetches nothing, and with tsflags=test a transaction could not be real.
func (r *rpm) simulate(ctx context.Context, f *packageFacts) error {
	from := origin{asOf: f.lists.written}
	switch {
	case !r.m.simulate || f.candidate == "":
		return nil
	case f.installed == f.candidate:
		f.unchanged()
		return nil
	}
	verb := "install"
	if f.installed != "" {
		verb = "upgrade" // dnf 4 leaves alone what it is told to install and is installed
	}
	from.source = "dnf -C --assumeno " + verb
	out, err := r.m.tools.Run(ctx, "dnf", dnfSimulation(verb, f.name)...)
	if err != nil {
		if ctx.Err() == nil {
			f.notes = append(f.notes, "what an install would change was not found out: "+err.Error())
			return nil
		}
		return err
	}
	f.change = parseTransaction(out)
	f.change.from = from
	return nil
}

func dnfSimulation(verb, name string) []string {
	return []string{"-C", "--assumeno", "--setopt=assumeyes=0", "--setopt=tsflags=test", verb, name}
}

// readNeeds reads who requires what, of all packages at once.
func (r *rpm) readNeeds(ctx context.Context) (rpmNeeds, error) {
	out, err := r.m.tools.Run(ctx, "rpm", "-q", "--all", "--qf", `[%{=NAME}\t%{REQUIRENAME}\n]`)
	if err != nil {
		return nil, err
	}
	needs := rpmNeeds{}
	for _, line := range lines(out.stdout) {
		if name, capability, ok := strings.Cut(line, "\t"); ok {
			needs[capability] = append(needs[capability], name)
		}
	}
	return needs, nil
}

// of returns the packages that require what a package provides.
func (n rpmNeeds) of(name string, provides []string) []string {
	var all []string
	for _, capability := range append(provides, name) {
		for _, other := range n[capability] {
			if other != name {
				all = append(all, other)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
