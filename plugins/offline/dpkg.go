package main

import (
	"context"
	"crypto/md5" //nolint:gosec // dpkg's own checksum of configuration files; nothing is protected by it
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"
)

// dpkgFormat has one line a package, and lines that begin with a space for
// its configuration files.
const dpkgFormat = `${db:Status-Abbrev}\t${Package}\t${Architecture}\t${Version}\t${source:Package}\t${Installed-Size}\t` +
	`${Pre-Depends}\t${Depends}\t${Recommends}\t${Provides}\t${binary:Summary}\n${Conffiles}\n`

// A dpkgPackage is an entry of dpkg's database.
type dpkgPackage struct {
	state               string // such as "ii "
	name, arch, version string
	source, kilobytes   string
	depends, recommends []string // clauses such as "a (>= 1) | b"
	provides            []string
	summary             string
	conffiles           []conffile
}

// A conffile is a configuration file and the checksum with which it came.
type conffile struct {
	path, md5 string
	obsolete  bool
}

// installed reports whether the files of the package are there.
func (p *dpkgPackage) installed() bool {
	return len(p.state) > 1 && !strings.ContainsRune("nc", rune(p.state[1]))
}

// trouble says what is unusual about the package's state, or nothing.
func (p *dpkgPackage) trouble() string {
	if len(p.state) < 2 {
		return ""
	}
	var all []string
	switch p.state[1] {
	case 'c':
		all = append(all, "removed, its configuration files remain")
	case 'H':
		all = append(all, "half installed")
	case 'U':
		all = append(all, "unpacked, not configured")
	case 'F':
		all = append(all, "half configured: its configuration failed")
	case 'W', 't':
		all = append(all, "waits for triggers")
	}
	if p.state[0] == 'h' {
		all = append(all, "on hold: upgrades leave it alone")
	}
	if len(p.state) > 2 && p.state[2] == 'R' {
		all = append(all, "must be reinstalled")
	}
	return strings.Join(all, "; ")
}

// A dpkgDatabase is what dpkg knows of all packages.
type dpkgDatabase struct {
	packages map[string][]*dpkgPackage // by name; one an architecture
	neededBy map[string][]*dpkgPackage // by the name that is depended on
	asOf     time.Time
}

// find returns the entry of a package, of one architecture if it is not empty;
// an installed one goes before others.
func (d *dpkgDatabase) find(name, arch string) *dpkgPackage {
	var found *dpkgPackage
	for _, p := range d.packages[name] {
		if (arch == "" || p.arch == arch) && (found == nil || p.installed() && !found.installed()) {
			found = p
		}
	}
	return found
}

// needs returns the installed packages that depend on a package, by its own
// name or by one that it provides.
func (d *dpkgDatabase) needs(p *dpkgPackage) []string {
	var list []string
	add := func(name, through string) {
		for _, other := range d.neededBy[name] {
			if other.arch == p.arch || other.arch == "all" || p.arch == "all" {
				list = append(list, other.name+through)
			}
		}
	}
	add(p.name, "")
	for _, alias := range p.provides {
		add(relationName(alias), " (through "+relationName(alias)+")")
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// readDpkg asks dpkg for its whole database: one question of some ten
// milliseconds answers for every package.
func (m *machine) readDpkg(ctx context.Context) (*dpkgDatabase, error) {
	out, err := m.tools.Run(ctx, "dpkg-query", "-W", "-f", dpkgFormat)
	if err != nil {
		return nil, err
	}
	if !out.ok() {
		return nil, fmt.Errorf("dpkg-query: %s", out.complaint())
	}
	return parseDpkg(out.stdout, m.modified("/var/lib/dpkg/status")), nil
}

func parseDpkg(text string, asOf time.Time) *dpkgDatabase {
	d := &dpkgDatabase{packages: map[string][]*dpkgPackage{}, neededBy: map[string][]*dpkgPackage{}, asOf: asOf}
	var last *dpkgPackage
	for line := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(line, " ") {
			if c, ok := parseConffile(line); ok && last != nil {
				last.conffiles = append(last.conffiles, c)
			}
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 11 || f[1] == "" {
			continue
		}
		last = &dpkgPackage{state: f[0], name: f[1], arch: f[2], version: f[3], source: f[4], kilobytes: f[5],
			depends: append(clauses(f[6]), clauses(f[7])...), recommends: clauses(f[8]), provides: clauses(f[9]), summary: f[10]}
		d.packages[last.name] = append(d.packages[last.name], last)
	}
	for _, entries := range d.packages {
		for _, p := range entries {
			if p.installed() {
				d.learnNeeds(p)
			}
		}
	}
	return d
}

func (d *dpkgDatabase) learnNeeds(p *dpkgPackage) {
	for _, clause := range p.depends {
		for alternative := range strings.SplitSeq(clause, "|") {
			if name := relationName(alternative); name != "" && name != p.name {
				d.neededBy[name] = append(d.neededBy[name], p)
			}
		}
	}
}

// parseConffile reads " /etc/name checksum [obsolete]".
func parseConffile(line string) (conffile, bool) {
	f := strings.Fields(line)
	if len(f) < 2 || !strings.HasPrefix(f[0], "/") {
		return conffile{}, false
	}
	return conffile{f[0], f[1], slices.Contains(f[2:], "obsolete")}, true
}

// clauses splits a list of relations: "a (>= 1), b | c".
func clauses(list string) []string {
	var all []string
	for clause := range strings.SplitSeq(list, ",") {
		if clause = strings.Join(strings.Fields(clause), " "); clause != "" {
			all = append(all, clause)
		}
	}
	return all
}

// relationName takes the name out of a relation such as "a:any (>= 1)".
func relationName(relation string) string {
	name := strings.TrimSpace(relation)
	if i := strings.IndexAny(name, " ([<"); i >= 0 {
		name = name[:i]
	}
	name, _, _ = strings.Cut(name, ":")
	return name
}

// maxConffile bounds the configuration files that are read.
const maxConffile = 16 << 20

// changedConffiles compares configuration files with their checksums.
func (m *machine) changedConffiles(list []conffile) []configFile {
	var changed []configFile
	for _, c := range list {
		if how := m.compare(c); how != "" {
			changed = append(changed, configFile{c.path, how})
		}
	}
	return changed
}

func (m *machine) compare(c conffile) string {
	if c.md5 == "newconffile" || c.obsolete {
		return ""
	}
	info, err := os.Stat(m.path(c.path))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "missing"
	case err != nil:
		return "cannot be read by this user"
	case !info.Mode().IsRegular():
		return "no longer a file"
	case info.Size() > maxConffile:
		return "too large to compare"
	}
	f, err := os.Open(m.path(c.path))
	if err != nil {
		return "cannot be read by this user"
	}
	defer f.Close()
	sum := md5.New() //nolint:gosec // see the import
	if _, err := io.Copy(sum, io.LimitReader(f, maxConffile)); err != nil {
		return "cannot be read"
	}
	if hex.EncodeToString(sum.Sum(nil)) == c.md5 {
		return ""
	}
	return "changed on " + info.ModTime().UTC().Format(time.DateOnly)
}
