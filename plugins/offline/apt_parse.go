package main

import (
	"slices"
	"strings"
)

// A policy is apt-cache's view of the versions of a package.
type policy struct {
	name                 string
	installed, candidate string          // empty for (none)
	pin                  string          // the version that preferences ask for, if they name the package
	versions             []policyVersion // newest first, as apt sorts them
}

// A policyVersion is one version and the archives that offer it.
type policyVersion struct {
	version  string
	archives []string // such as "http://deb.debian.org/debian bookworm/main amd64 Packages"
}

// parsePolicy reads `apt-cache policy NAME...`.
func parsePolicy(text string) []policy {
	var all []policy
	var p *policy
	none := func(s string) string {
		if s == "(none)" {
			return ""
		}
		return s
	}
	for line := range strings.SplitSeq(text, "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "":
		case line[0] != ' ':
			all = append(all, policy{name: strings.TrimSuffix(trimmed, ":")})
			p = &all[len(all)-1]
		case p == nil:
		case strings.HasPrefix(trimmed, "Installed: "):
			p.installed = none(strings.TrimPrefix(trimmed, "Installed: "))
		case strings.HasPrefix(trimmed, "Package pin: "):
			p.pin = strings.TrimPrefix(trimmed, "Package pin: ")
		case strings.HasPrefix(trimmed, "Candidate: "):
			p.candidate = none(strings.TrimPrefix(trimmed, "Candidate: "))
		case strings.HasPrefix(line, " *** ") || strings.HasPrefix(line, "     ") && !strings.HasPrefix(line, "      "):
			version, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(line, " *** "), "     "), " ")
			p.versions = append(p.versions, policyVersion{version: version})
		case strings.HasPrefix(line, "      ") && len(p.versions) > 0:
			if _, archive, ok := strings.Cut(trimmed, " "); ok {
				v := &p.versions[len(p.versions)-1]
				v.archives = append(v.archives, strings.TrimSpace(archive))
			}
		}
	}
	return all
}

// passedOver returns the newest version on offer, if preferences chose an older
// one as the candidate.
func (p *policy) passedOver() string {
	if p.candidate == "" || len(p.versions) == 0 || p.versions[0].version == p.candidate {
		return ""
	}
	return p.versions[0].version
}

// local reports whether the installed version is the candidate only because it
// is installed: no archive offers it.
func (p *policy) local() bool {
	for _, v := range p.versions {
		if v.version == p.installed {
			return !slices.ContainsFunc(v.archives, func(s string) bool { return strings.Contains(s, ":/") })
		}
	}
	return false
}

// security finds what the security archive among the lists offers, and
// whether that is newer than what is installed.
func (p *policy) security() (s security) {
	newer := true // the versions that come before the installed one are newer
	for _, v := range p.versions {
		if v.version == p.installed {
			newer = false
		}
		for _, archive := range v.archives {
			if suite, ok := securitySuite(archive); ok && s.version == "" {
				s.archive, s.version, s.newer = suite, v.version, newer && p.installed != ""
			}
		}
	}
	return s
}

// securitySuite reports whether a line of the version table names a security
// archive, and its suite: "bookworm-security", "jammy-security",
// "stretch/updates".
func securitySuite(archive string) (string, bool) {
	f := strings.Fields(archive)
	if len(f) < 2 || !strings.Contains(f[0], "://") && !strings.Contains(f[0], ":/") {
		return "", false
	}
	suite, _, _ := strings.Cut(f[1], "/")
	switch {
	case strings.HasSuffix(suite, "-security"):
		return suite, true
	case strings.Contains(f[0], "security") && strings.HasPrefix(f[1], suite+"/updates"):
		return suite + "/updates", true
	}
	return "", false
}

// parseControl reads the control fields of one version out of `apt-cache
// show`; continuation lines are left out.
func parseControl(text, version string) map[string]string {
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		fields := map[string]string{}
		for line := range strings.SplitSeq(paragraph, "\n") {
			name, value, ok := strings.Cut(line, ":")
			if ok && line[0] != ' ' && line[0] != '\t' && fields[name] == "" {
				fields[name] = strings.TrimSpace(value)
			}
		}
		if fields["Version"] == version {
			return fields
		}
	}
	return nil
}

// parseShowpkg reads `apt-cache showpkg NAME`: who names the package in any
// relation, and who provides it.
func parseShowpkg(text string) (reverse, providers []string) {
	section := ""
	for line := range strings.SplitSeq(text, "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "":
		case strings.HasSuffix(trimmed, ":") && line[0] != ' ':
			section = strings.TrimSuffix(trimmed, ":")
		case section == "Reverse Depends" && line[0] == ' ':
			name, _, _ := strings.Cut(trimmed, ",")
			reverse = append(reverse, relationName(name))
		case section == "Reverse Provides":
			providers = append(providers, strings.Fields(trimmed)[0])
		}
	}
	slices.Sort(reverse)
	slices.Sort(providers)
	return slices.Compact(reverse), slices.Compact(providers)
}

// parseSimulation reads `apt-get -s install NAME`.
func parseSimulation(out output) change {
	c := change{known: true}
	for line := range strings.SplitSeq(out.stdout, "\n") {
		f := strings.Fields(line)
		switch {
		case len(f) >= 2 && f[0] == "Inst":
			old, next := "", ""
			for _, word := range f[2:] {
				if strings.HasPrefix(word, "[") && old == "" && next == "" {
					old = strings.Trim(word, "[]")
				} else if strings.HasPrefix(word, "(") && next == "" {
					next = strings.Trim(word, "()")
				}
			}
			if old == "" {
				c.install = append(c.install, f[1]+" "+next)
			} else {
				c.upgrade = append(c.upgrade, f[1]+" "+old+" -> "+next)
			}
		case len(f) >= 2 && (f[0] == "Remv" || f[0] == "Purg"):
			c.remove = append(c.remove, f[1])
		case len(f) > 4 && f[1] == "upgraded,":
			c.summary = strings.TrimSpace(line)
		}
	}
	if out.exit != 0 {
		c.problem = simulationProblem(out)
	}
	return c
}

// simulationProblem is apt's explanation: its unmet dependencies, else its
// first error.
func simulationProblem(out output) string {
	var unmet []string
	inside := false
	for line := range strings.SplitSeq(out.stdout, "\n") {
		if strings.HasPrefix(line, "The following packages have unmet dependencies") {
			inside = true
		} else if inside && strings.HasPrefix(line, " ") {
			unmet = append(unmet, strings.Join(strings.Fields(line), " "))
		} else {
			inside = false
		}
	}
	if len(unmet) > 0 {
		return clip("unmet dependencies: "+strings.Join(unmet, "; "), 600)
	}
	for line := range strings.SplitSeq(out.stderr, "\n") {
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), "E: "); ok {
			return clip(text, 300)
		}
	}
	return output{stderr: out.stderr, exit: out.exit}.complaint()
}
