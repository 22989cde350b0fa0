package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Where Debian's tools keep what they know.
const (
	aptLists   = "/var/lib/apt/lists"
	aptStamp   = "/var/lib/apt/periodic/update-success-stamp"
	aptIndex   = "/var/cache/apt/pkgcache.bin"
	dpkgStatus = "/var/lib/dpkg/status"
)

// aptState changes whenever an answer of apt or dpkg may.
func (m *machine) aptState() string {
	files := []string{dpkgStatus, "/var/lib/dpkg/updates", aptLists, "/var/lib/apt/extended_states", "/etc/apt/sources.list", "/etc/apt/preferences"}
	for _, dir := range []string{"/etc/apt/sources.list.d", "/etc/apt/preferences.d"} {
		files = append(files, dir)
		for _, name := range m.list(dir) {
			files = append(files, dir+"/"+name)
		}
	}
	return m.state(files...)
}

// aptListState reads when the lists were fetched, and what they say of their
// own age.
func (m *machine) aptListState() lists {
	l := lists{source: aptLists, fix: "apt-get update"}
	for _, name := range m.list(aptLists) {
		switch {
		case strings.Contains(name, "_Packages") && !strings.HasSuffix(name, ".diff_Index"):
			l.present = true
		case strings.HasSuffix(name, "_InRelease") || strings.HasSuffix(name, "_Release"):
			if text := m.release(name); text != "" {
				l.detail = append(l.detail, text)
			}
		}
	}
	if l.present {
		l.written = latest(m.modified(aptLists), m.modified(aptLists+"/partial"), m.modified(aptStamp))
	}
	return l
}

// release tells the name and the date of an archive from its Release file.
func (m *machine) release(file string) string {
	fields := map[string]string{}
	for line := range strings.Lines(m.read(aptLists+"/"+file, 4096)) {
		name, value, ok := strings.Cut(line, ":")
		if ok && fields[name] == "" {
			fields[name] = strings.TrimSpace(value)
		}
		if name == "MD5Sum" || name == "SHA256" {
			break
		}
	}
	date, ok := releaseTime(fields["Date"])
	if !ok {
		return ""
	}
	suite := fields["Codename"]
	if suite == "" {
		suite = fields["Suite"]
	}
	text := fmt.Sprintf("%s %s of %s", fields["Label"], suite, date.Format(time.DateOnly))
	if until, ok := releaseTime(fields["Valid-Until"]); ok && until.Before(m.now()) {
		text += ", valid only until " + until.Format(time.DateOnly)
	}
	return text
}

func releaseTime(text string) (time.Time, bool) {
	for _, layout := range []string{"Mon, 2 Jan 2006 15:04:05 MST", "Mon, 2 Jan 2006 15:04:05 -0700"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// indexOptions say where apt finds its index of the lists. Where the system
// keeps none (container images switch it off), apt makes one for every
// question, half a second each; a directory of this user's own keeps it then.
// apt checks by itself whether an index still fits the lists.
func (m *machine) indexOptions(ctx context.Context) []string {
	system := m.modified(aptIndex)
	if !system.IsZero() && system.After(m.modified(aptLists)) && system.After(m.modified(dpkgStatus)) {
		return nil
	}
	dir := m.ownIndex()
	if dir == "" {
		return nil
	}
	options := []string{"-o", "Dir::Cache::pkgcache=" + filepath.Join(dir, "pkgcache.bin"), "-o", "Dir::Cache::srcpkgcache="}
	// One question before the others, or each of them would make the index.
	_, _ = m.tools.Run(ctx, "apt-cache", append(options, "policy", "--", "dpkg")...) // without an index apt is slow, not wrong
	return options
}

// ownIndex returns a directory that nobody else may write to, or nothing.
func (m *machine) ownIndex() string {
	if !m.packageCache {
		return ""
	}
	base, err := os.UserCacheDir()
	if err != nil || !filepath.IsAbs(base) {
		return ""
	}
	dir := filepath.Join(base, "cortex-host", "offline-apt")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return ""
	}
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() || info.Mode().Perm()&0o022 != 0 || !ownedByUs(info) || strings.ContainsAny(dir, "\n;\"{}") {
		return ""
	}
	return dir
}
