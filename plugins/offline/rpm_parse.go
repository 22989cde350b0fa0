package main

import (
	"slices"
	"strings"
)

// capabilities reads `rpm -q --requires` without what rpm requires of itself.
func capabilities(text string) []string {
	all := slices.DeleteFunc(lines(text), func(s string) bool {
		return strings.HasPrefix(s, "rpmlib(") || strings.HasPrefix(s, "rtld(") || strings.HasPrefix(s, "config(")
	})
	slices.Sort(all)
	return slices.Compact(all)
}

// paths reads a list of files; what is no absolute path is a remark.
func paths(text string) []string {
	return slices.DeleteFunc(lines(text), func(s string) bool { return !strings.HasPrefix(s, "/") })
}

// parseVerify reads `rpm -V` and keeps the configuration files that differ in
// content or are missing:
//
//	S.5....T.  c /etc/ssh/sshd_config
//	missing    c /etc/motd
func parseVerify(text string) []configFile {
	var all []configFile
	for _, line := range lines(text) {
		f := strings.Fields(line)
		if len(f) < 3 || f[1] != "c" {
			continue
		}
		path := strings.Join(f[2:], " ")
		switch {
		case f[0] == "missing":
			all = append(all, configFile{path, "missing"})
		case strings.Contains(f[0], "5"):
			all = append(all, configFile{path, "changed"})
		case strings.Contains(f[0], "?"):
			all = append(all, configFile{path, "cannot be read by this user"})
		}
	}
	return all
}

// parseAdvisories reads `dnf updateinfo list --security NAME`: lines in which
// one field is the package's name, version and architecture. The last is the
// newest.
func parseAdvisories(text, name string) security {
	s := security{silent: "the lists hold no security advisory for it"}
	for _, line := range lines(text) {
		f := strings.Fields(line)
		for _, word := range f {
			rest, ok := strings.CutPrefix(word, name+"-")
			if !ok || rest == "" || rest[0] < '0' || rest[0] > '9' {
				continue
			}
			if i := strings.LastIndexByte(rest, '.'); i > 0 {
				rest = rest[:i]
			}
			s = security{archive: "advisory " + f[0], version: strings.TrimPrefix(rest, "0:"), newer: true}
		}
	}
	return s
}

// parseTransaction reads what dnf 4 or 5 would do. Its headings end with a
// colon; below them stand " name arch version repository size", and a name
// that is too long stands on a line of its own.
func parseTransaction(out output) change {
	c := change{known: true}
	heading, name := "", ""
	for line := range strings.SplitSeq(out.stdout, "\n") {
		f := strings.Fields(line)
		switch {
		case len(f) == 0:
			continue
		case strings.HasPrefix(line, "Transaction Summary"):
			heading = ""
		case line[0] != ' ' && strings.HasSuffix(line, ":"):
			heading, name = strings.ToLower(strings.TrimSuffix(line, ":")), ""
		case line[0] != ' ' && len(f) >= 3 && heading == "" && (f[0] == "Install" || f[0] == "Upgrade" || f[0] == "Remove"):
			c.summary = strings.TrimPrefix(c.summary+", "+strings.ToLower(strings.Join(f, " ")), ", ")
		case heading == "" || line[0] != ' ' || f[0] == "replacing":
		case len(f) == 1:
			name = f[0]
		default:
			if name != "" {
				f = append([]string{name}, f...)
				name = ""
			}
			if len(f) >= 5 {
				c.add(heading, f[0], strings.TrimPrefix(f[2], "0:"))
			}
		}
	}
	said := out.stdout + "\n" + out.stderr
	switch {
	case len(c.install)+len(c.upgrade)+len(c.remove) > 0:
	case strings.Contains(said, "Nothing to do"):
		c.summary = "nothing"
	default:
		c.problem = dnfProblem(out)
	}
	return c
}

// dnfProblem is dnf's explanation: its problems, else its first complaint.
func dnfProblem(out output) string {
	var problems []string
	for _, line := range lines(out.stderr + "\n" + out.stdout) {
		if rest, ok := strings.CutPrefix(line, "- "); ok && len(problems) > 0 {
			problems = append(problems, rest)
		} else if strings.HasPrefix(line, "Problem") {
			_, rest, _ = strings.Cut(line, ":")
			problems = append(problems, strings.TrimSpace(rest))
		}
	}
	if len(problems) > 0 {
		return clip(strings.Join(problems, "; "), 600)
	}
	return out.complaint()
}

func (c *change) add(heading, name, version string) {
	switch {
	case strings.HasPrefix(heading, "install"):
		c.install = append(c.install, name+" "+version)
	case strings.HasPrefix(heading, "upgrad"):
		c.upgrade = append(c.upgrade, name+" -> "+version)
	case strings.HasPrefix(heading, "remov"):
		c.remove = append(c.remove, name)
	}
}
