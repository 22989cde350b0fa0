package main

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// A manager is the package manager of a distribution.
type manager interface {
	// describe tells what is known of a package; errUnknown if nothing is.
	describe(ctx context.Context, name string) (*packageFacts, error)
}

// errUnknown is a manager's word for a package that it has never heard of. Its
// text says where it looked.
type errUnknown struct{ looked string }

// Error says where the manager looked.
func (e *errUnknown) Error() string { return e.looked }

// packageFacts is what a manager tells. What it does not know is left empty.
type packageFacts struct {
	name, arch, summary string
	status              string // if the package is in a state that needs care
	source              string // the source package, if it has another name
	installed           string // its version, empty if it is not
	installedFrom       origin
	candidate           string
	candidateFrom       origin
	passedOver          string // a newer version that preferences do not choose
	local               bool   // no archive offers the installed version
	pin                 string // the version that preferences ask for
	download, footprint string // sizes
	security            security
	lists               lists
	virtual             []string // who provides it, if nobody is it
	change              change
	depends, recommends []string
	dependsFrom         origin
	neededBy            []string // installed packages
	neededByFrom        origin
	wantedBy            int // packages of the archive; -1 if not known
	wantedByFrom        origin
	files               []string // of the installed package, those that are telling
	filesFrom           origin
	config              []configFile // that differ from what the package brought
	configChecked       int          // -1 if that could not be found out
	configFrom          origin
	notes               []string
}

// security is what the lists' security archive offers.
type security struct {
	archive string // empty: no security archive is in the lists
	version string // the newest it offers, or empty
	newer   bool   // than the installed one
	silent  string // why nothing is known, if not for want of an archive
	from    origin
}

// lists are the package lists of the machine.
type lists struct {
	present bool
	written time.Time // when they were last fetched
	detail  []string  // archives and their dates
	source  string
	fix     string // how to fetch them
}

// change is what an install would do.
type change struct {
	known   bool
	summary string
	install []string // "name version"
	upgrade []string // "name old -> new"
	remove  []string
	problem string // why it can't be done, in the tool's words
	from    origin
}

// unchanged notes that an install would change nothing.
func (f *packageFacts) unchanged() {
	f.change = change{known: true, summary: "nothing: version " + f.candidate + " is installed and is the candidate", from: f.candidateFrom}
}

// silent are files that tell nothing of what runs: a package may have tens of
// thousands of them, and facts are kept.
var silent = regexp.MustCompile(`^/?(?:usr/)?(?:share|include|src|lib/modules|lib/python[0-9.]*|lib/firmware)/`)

// telling keeps the files of a package that may be programs, units, jobs or
// configuration.
func telling(files []string) []string {
	return slices.DeleteFunc(files, silent.MatchString)
}

// A configFile is one that is not as the package brought it.
type configFile struct{ path, how string }

// packageName is what any of the managers would accept, and no more: no
// option, no path, no pattern, no version, no word for a shell.
var packageName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9+._-]{0,127}(?::[a-z0-9-]{2,20})?$`)

func (m *machine) answerPackage(ctx context.Context, name string) (*sheet, error) {
	if !packageName.MatchString(name) || strings.Contains(name, "..") {
		return nil, sdk.Errorf(sdk.InvalidRequest, "%q is no package name: use letters, digits, +, -, . and _, at most 128", clip(plain(name), 60))
	}
	if m.manager == nil {
		return nil, sdk.Errorf(sdk.NotAnswered, "this machine has none of the package tools that offline knows: dpkg and apt, rpm and dnf, apk, pacman")
	}
	if _, multiarch := m.manager.(*apt); !multiarch && strings.Contains(name, ":") {
		return nil, sdk.Errorf(sdk.InvalidRequest, "%q: only dpkg takes an architecture after the name", name)
	}
	facts, err := m.manager.describe(ctx, name)
	var unknown *errUnknown
	switch {
	case errors.As(err, &unknown):
		return nil, sdk.Errorf(sdk.NotAnswered, "the package %s is not known to this machine: %s", name, unknown.looked)
	case err != nil:
		return nil, err
	}
	s := &sheet{headline: facts.headline()}
	m.writeVersions(s, facts)
	m.writeChange(s, facts)
	m.writeRelations(s, facts)
	if facts.installed != "" {
		if err := m.writeServices(ctx, s, facts); err != nil {
			return nil, err
		}
		m.writeConfig(s, facts)
	}
	return s, nil
}

// findManager chooses by the database that is there: a dpkg that somebody
// installed on another distribution knows of no package.
func (m *machine) findManager() manager {
	for _, kind := range []struct {
		tool, database string
		make           func(*machine) manager
	}{
		{"dpkg-query", "/var/lib/dpkg/status", newApt},
		{"rpm", "/var/lib/rpm", newRPM},
		{"rpm", "/usr/lib/sysimage/rpm", newRPM},
		{"apk", "/lib/apk/db/installed", newAPK},
		{"apk", "/usr/lib/apk/db/installed", newAPK},
		{"pacman", "/var/lib/pacman/local", newPacman},
	} {
		if m.tools.Has(kind.tool) && m.hasContent(kind.database) {
			return kind.make(m)
		}
	}
	return nil
}
