package main

import (
	"fmt"
	"strings"
	"time"
)

// headline is the most important line: what is there, and what should be done
// about it first.
func (f *packageFacts) headline() string {
	switch {
	case f.installed == "" && f.candidate == "" && len(f.virtual) > 0:
		return fmt.Sprintf("%s is a virtual package, provided by %s", f.name, strings.Join(f.virtual[:min(len(f.virtual), 5)], ", "))
	case f.installed == "" && f.candidate == "":
		return fmt.Sprintf("%s is not installed%s, and the package lists offer no version", f.name, f.aside())
	case f.installed == "":
		return fmt.Sprintf("%s is not installed%s; version %s could be", f.name, f.aside(), f.candidate)
	case f.security.newer:
		return fmt.Sprintf("%s %s is installed%s; a newer security version is on offer, %s", f.name, f.installed, f.aside(), f.security.version)
	case f.candidate == "":
		return fmt.Sprintf("%s %s is installed%s; no package lists tell whether that is the newest version", f.name, f.installed, f.aside())
	case f.candidate != f.installed:
		return fmt.Sprintf("%s %s is installed%s; the candidate is %s", f.name, f.installed, f.aside(), f.candidate)
	}
	switch {
	case f.local:
		return fmt.Sprintf("%s %s is installed%s; no archive in the package lists offers this version, nor a newer one", f.name, f.installed, f.aside())
	case f.passedOver != "":
		return fmt.Sprintf("%s %s is installed%s and is the candidate; preferences pass over %s", f.name, f.installed, f.aside(), f.passedOver)
	}
	return fmt.Sprintf("%s %s is installed%s, the newest version that the package lists offer", f.name, f.installed, f.aside())
}

func (f *packageFacts) aside() string {
	if f.status == "" {
		return ""
	}
	return " (" + f.status + ")"
}

// describe says in a few words how old the lists are.
func (l *lists) describe(now time.Time) string {
	if !l.present {
		return "there are none on this machine"
	}
	return fmt.Sprintf("written %s (%s)", stamp(l.written), age(now.Sub(l.written)))
}

func (m *machine) writeVersions(s *sheet, f *packageFacts) {
	v := s.section("Versions")
	if !f.installedFrom.asOf.IsZero() || f.installed != "" {
		g := v.from(f.installedFrom.source, f.installedFrom.asOf)
		if f.installed != "" {
			g.fact("installed", "%s", strings.TrimSuffix(f.installed+", "+f.arch, ", "))
			g.fact("size on disk", "%s", f.footprint)
			g.fact("source package", "%s", f.source)
		} else {
			g.fact("installed", "no%s", f.aside())
		}
		g.fact("what it is", "%s", f.summary)
	}
	g := v.from(f.candidateFrom.source, f.candidateFrom.asOf)
	if f.candidateFrom.source != "" {
		g.fact("candidate", "%s", orNone(f.candidate))
		g.fact("pinned to", "%s", f.pin)
		if f.passedOver != "" {
			g.fact("passed over", "%s is on offer, but has a lower priority (apt-cache policy shows which)", f.passedOver)
		}
		if f.installedFrom.source == "" {
			g.fact("what it is", "%s", f.summary)
		}
		if f.installed == "" {
			g.fact("size on disk", "%s", f.footprint)
		}
		g.fact("download", "%s", f.download)
		g.fact("provided by", "%s", provided(f.virtual, m.settings.list))
	}
	if f.lists.present {
		g = v.from(f.security.from.source, f.security.from.asOf)
		g.fact("security version", "%s", f.security.describe())
	}
	g = v.from(f.lists.source, m.now())
	if f.lists.present {
		g.fact("package lists", "%s", f.lists.describe(m.now()))
		if len(f.lists.detail) > 0 {
			g.fact("archives", "%s", strings.Join(f.lists.detail, "; "))
		}
		if m.now().Sub(f.lists.written) > staleLists {
			g.fact("note", "the lists are old; %s fetches newer ones", f.lists.fix)
		}
	} else {
		g.fact("package lists", "none on this machine: candidate and security version cannot be known; %s fetches them", f.lists.fix)
	}
	for _, note := range f.notes {
		g.fact("note", "%s", note)
	}
}

// staleLists is the age from which lists deserve a word.
const staleLists = 7 * 24 * time.Hour

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func provided(list []string, most int) string {
	if len(list) == 0 {
		return ""
	}
	return names(list, most)
}

// describe states what the archive offers. It is no verdict: a version may be
// safe or not whatever the archive holds.
func (s *security) describe() string {
	switch {
	case s.silent != "":
		return "unknown: " + s.silent
	case s.archive == "":
		return "unknown: no security archive is among the lists"
	case s.version == "":
		return "none: " + s.archive + " holds no version of it"
	case s.newer:
		return s.version + " in " + s.archive + ", newer than what is installed"
	}
	return s.version + " in " + s.archive
}

func (m *machine) writeChange(s *sheet, f *packageFacts) {
	if !f.change.known {
		return
	}
	g := s.section("What an install would change (simulated, nothing was changed)").from(f.change.from.source, f.change.from.asOf)
	if f.change.problem != "" {
		g.fact("not possible", "%s", f.change.problem)
	}
	g.fact("in short", "%s", f.change.summary)
	for _, part := range []struct {
		label string
		list  []string
	}{{"would install", f.change.install}, {"would upgrade", f.change.upgrade}, {"would remove", f.change.remove}} {
		if len(part.list) > 0 {
			g.fact(part.label, "%s", names(part.list, m.settings.list))
		}
	}
}

func (m *machine) writeRelations(s *sheet, f *packageFacts) {
	sec := s.section("Relations")
	if f.dependsFrom.source != "" && (f.installed != "" || f.candidate != "") {
		g := sec.from(f.dependsFrom.source, f.dependsFrom.asOf)
		g.fact("depends on", "%s", names(f.depends, m.settings.list))
		if len(f.recommends) > 0 {
			g.fact("recommends", "%s", names(f.recommends, m.settings.list))
		}
	}
	if f.installed != "" && f.neededByFrom.source != "" {
		g := sec.from(f.neededByFrom.source, f.neededByFrom.asOf)
		g.fact("needed here by", "%s", names(f.neededBy, m.settings.list))
	}
	if f.wantedBy >= 0 && f.wantedByFrom.source != "" {
		g := sec.from(f.wantedByFrom.source, f.wantedByFrom.asOf)
		g.fact("named in lists by", "%s (that depend on it, suggest it or conflict with it)", count(f.wantedBy, "package", "packages"))
	}
}

func (m *machine) writeConfig(s *sheet, f *packageFacts) {
	if f.configChecked < 0 || f.configFrom.source == "" {
		return
	}
	g := s.section("Configuration files").from(f.configFrom.source, f.configFrom.asOf)
	switch {
	case f.configChecked == 0 && len(f.config) == 0:
		g.text("the package brings none")
		return
	case len(f.config) == 0:
		g.text("%s", count(f.configChecked, "file, as the package brought it", "files, all as the package brought them"))
		return
	}
	for i, c := range f.config {
		if i == m.settings.list {
			g.text("and %d more", len(f.config)-i)
			break
		}
		g.text("%s: %s", c.path, c.how)
	}
}

// count renders one or several.
func count(n int, one, several string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, several)
}
