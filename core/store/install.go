package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// A Request says what to install.
type Request struct {
	// Source is a program, an archive of one (.tar.gz, .zip), a directory of
	// either, or the https:// URL of an archive or of a list of checksums.
	Source string
	// Dir is the plugin directory to install into. It is made if it is not
	// there.
	Dir string
	// Checksums is the file or URL of the list of checksums; empty: the one
	// beside the source.
	Checksums string
	// SHA256 is the hash that the source must have; empty is any.
	SHA256 string
	// Force replaces what is installed, even by other bytes of the same
	// version.
	Force bool
	// Describe asks the plugin what it is.
	Describe func(context.Context, Plugin) (Identity, error)
	// Client fetches; nil is a plain one.
	Client *http.Client
}

// An Identity is what a plugin says of itself.
type Identity struct {
	Description sdk.Description
	// Protocol is the version of the wire that it speaks.
	Protocol int
}

// Installed says what an installation did.
type Installed struct {
	Plugin Plugin
	Entry  Entry
	// Checked says what vouched for the source: a list of checksums, the
	// caller's hash, or nothing ("").
	Checked string
	// LeftOut are the files of the archive that were not installed.
	LeftOut []string
	// Replaced is the version that was there before, or empty.
	Replaced string
}

// Install fetches a plugin, checks it, asks it what it is, and pins it in the
// lock file of the directory. If it fails, nothing has changed, or the error says
// what has.
func (s *Store) Install(ctx context.Context, r Request) (*Installed, error) {
	done, err := prepareDir(ctx, r.Dir)
	if err != nil {
		return nil, err
	}
	defer done()
	stage, err := os.MkdirTemp(r.Dir, stagePrefix)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(stage)
	c, err := r.fetch(ctx, stage)
	if err != nil {
		return nil, fmt.Errorf("install: %w", err)
	}
	staged, leftOut, err := c.unpack(stage)
	if err != nil {
		return nil, fmt.Errorf("install: %w", err)
	}
	result := &Installed{LeftOut: leftOut, Plugin: staged}
	switch {
	case c.listed[c.name] != "":
		result.Checked = "the list of checksums"
	case r.SHA256 != "":
		result.Checked = "the hash that you gave"
	}
	if err := s.admit(ctx, &r, c, result); err != nil {
		return nil, fmt.Errorf("install: %w", err)
	}
	return result, nil
}

// stagePrefix begins the name of the directory in which a plugin is prepared.
const stagePrefix = ".install-"

// prepareDir makes the plugin directory, locks it against other installations,
// and removes what those that were killed have left.
func prepareDir(ctx context.Context, dir string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(onlyOurs(dir, info), safeAbove(dir)); err != nil {
		return nil, err
	}
	if unlock, err = lockDir(ctx, dir); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		unlock()
		return nil, err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), stagePrefix) || strings.HasPrefix(e.Name(), newLockPrefix) {
			os.RemoveAll(filepath.Join(dir, e.Name()))
		}
	}
	return unlock, nil
}

// unpack makes a program of the cargo, in the stage.
func (c *cargo) unpack(stage string) (Plugin, []string, error) {
	in, err := os.Open(c.file)
	if err != nil {
		return Plugin{}, nil, err
	}
	defer in.Close()
	program := filepath.Join(stage, "program")
	out, err := os.OpenFile(program, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o700)
	if err != nil {
		return Plugin{}, nil, err
	}
	defer out.Close()
	u := unpacked{name: c.name}
	if _, kind := splitArchive(c.name); kind != "" {
		u, err = unpack(in, kind, out)
	} else {
		_, err = io.Copy(out, in)
	}
	if err == nil {
		err = out.Chmod(0o755)
	}
	if err == nil {
		err = out.Sync()
	}
	if err != nil {
		return Plugin{}, nil, refuse(c.source, "%w", err)
	}
	name, _ := identity(u.name)
	if name == "" {
		return Plugin{}, nil, refuse(c.source, "a plugin's file is named %sNAME, with letters a to z, digits and - in NAME", Prefix)
	}
	return Plugin{Name: name, Path: program}, u.rest, nil
}

// admit checks that the staged plugin is what it should be, and moves it into
// place.
func (s *Store) admit(ctx context.Context, r *Request, c *cargo, result *Installed) error {
	p := &result.Plugin
	image, err := p.Load()
	if err != nil {
		return err
	}
	defer image.Close()
	p.Pin = Pin{By: ByLock, SHA256: image.SHA256, Source: c.source}
	who, err := r.Describe(ctx, *p)
	if err != nil {
		return refuse(c.source, "%w", err)
	}
	p.Pin.Version = who.Description.Version
	if err := c.matches(p.Name, who.Description); err != nil {
		return err
	}
	lock, err := readLock(r.Dir)
	if err != nil {
		return err
	}
	final := filepath.Join(r.Dir, Prefix+p.Name)
	image.path = final // where it will find what is beside it
	old, had := lock.Plugins[p.Name]
	entry := c.entry(image, who)
	if had {
		result.Replaced = old.Version
		if err := entry.follows(old, c, r.Force); err != nil {
			return err
		}
	}
	if first := s.shadow(r.Dir, p.Name); first != "" {
		return fmt.Errorf("%s comes before %s and would be used in its place; remove it, or install into a directory before it", first, r.Dir)
	}
	lock.Plugins[p.Name] = entry
	next, err := lock.write()
	if err != nil {
		return err
	}
	defer next.discard()
	if err := next.commitWith(p.Path, final); err != nil {
		return err
	}
	p.Path, result.Entry = final, entry
	return nil
}

// matches says in what a plugin differs from what its file's name says.
func (c *cargo) matches(name string, about sdk.Description) error {
	if about.Name != name {
		return refuse(c.source, "the plugin calls itself %q; its file must be named %s%s", about.Name, Prefix, about.Name)
	}
	if outer, version := identity(c.name); outer != "" && version != "" && version != about.Version {
		return refuse(c.source, "the plugin says that its version is %q, its archive's name says %q", about.Version, version)
	}
	return nil
}

// entry makes the lock file's entry.
func (c *cargo) entry(image *Image, who Identity) Entry {
	e := Entry{Version: who.Description.Version, Protocol: who.Protocol, Source: c.source,
		Installed: time.Now().UTC().Truncate(time.Second), Platforms: map[string]Hashes{}, Uncovered: image.Uncovered()}
	stem, _, _ := splitPlatform(c.name)
	for name, hash := range c.listed {
		if other, platform, ok := splitPlatform(name); ok && other == stem {
			e.Platforms[platform] = Hashes{Archive: name, ArchiveSHA256: hash}
		}
	}
	here := e.Platforms[Platform()]
	here.SHA256 = image.SHA256
	if _, kind := splitArchive(c.name); kind != "" {
		here.Archive, here.ArchiveSHA256 = c.name, c.hash
	}
	e.Platforms[Platform()] = here
	return e
}

// follows checks that an entry may replace the old one, and keeps what the old
// one knows of other platforms.
func (e *Entry) follows(old Entry, c *cargo, force bool) error {
	if old.Version != e.Version || force {
		return nil
	}
	for platform, was := range old.Platforms {
		now, known := e.Platforms[platform]
		if !known {
			e.Platforms[platform] = was
			continue
		}
		differs := was.SHA256 != "" && now.SHA256 != "" && was.SHA256 != now.SHA256 ||
			was.ArchiveSHA256 != "" && now.ArchiveSHA256 != "" && was.ArchiveSHA256 != now.ArchiveSHA256
		if differs {
			return refuse(c.source, "version %s is installed with other bytes for %s than these; --force replaces it", e.Version, platform)
		}
		if now.SHA256 == "" {
			now.SHA256 = was.SHA256
			e.Platforms[platform] = now
		}
	}
	return nil
}

// shadow returns the plugin of that name that would be found before one in dir.
func (s *Store) shadow(dir, name string) string {
	for _, earlier := range s.cfg.Dirs {
		if earlier == dir {
			return ""
		}
		path := filepath.Join(earlier, Prefix+name)
		if _, err := os.Lstat(path); err == nil {
			return path
		}
	}
	return ""
}

// Remove removes an installed plugin from a directory, and its entry in the
// lock file.
func (s *Store) Remove(ctx context.Context, dir, name string) error {
	if !ValidName(name) {
		return fmt.Errorf("%q: %w: a name has letters a to z, digits and -", name, ErrNotFound)
	}
	if _, err := os.Stat(dir); err != nil {
		return fmt.Errorf("remove %s: %w: nothing is installed in %s", name, ErrNotFound, dir)
	}
	unlock, err := prepareDir(ctx, dir)
	if err != nil {
		return err
	}
	defer unlock()
	lock, err := readLock(dir)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, Prefix+name)
	_, pinned := lock.Plugins[name]
	if _, err := os.Lstat(path); !pinned && errors.Is(err, fs.ErrNotExist) {
		names := make([]string, 0, len(lock.Plugins))
		for installed := range lock.Plugins {
			names = append(names, installed)
		}
		return fmt.Errorf("remove %s: %w: installed in %s: %s", name, ErrNotFound, dir, orNone(names))
	}
	// The entry first: what is left of a removal that was cut short is a file
	// that nobody vouches for.
	delete(lock.Plugins, name)
	next, err := lock.write()
	if err != nil {
		return err
	}
	defer next.discard()
	if err := next.commit(); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return syncDir(dir)
}

// A Verdict is what verification found out about one plugin.
type Verdict struct {
	Plugin Plugin
	// SHA256 is the hash of its bytes.
	SHA256 string
	// Held says how its bytes are kept from being changed while it runs.
	Held string
	// Uncovered is what runs with it and is not covered by the hash.
	Uncovered []string
	// Err says why it must not run, nil if it may.
	Err error
}

// Verify reads the plugins of these names, all if there are none, and checks
// each as a start does. Names that are pinned and missing are among them.
func (s *Store) Verify(names ...string) ([]Verdict, error) {
	found, refused, err := s.List()
	if err != nil {
		return nil, err
	}
	var list []Verdict
	if len(names) > 0 {
		found, refused = nil, nil
		for _, name := range names {
			p, err := s.Find(name)
			if err != nil {
				list = append(list, Verdict{Plugin: Plugin{Name: name}, Err: err})
				continue
			}
			found = append(found, p)
		}
	}
	for _, p := range found {
		v := Verdict{Plugin: p}
		image, err := p.Load()
		if v.Err = err; err == nil {
			v.SHA256, v.Held, v.Uncovered = image.SHA256, image.Held, image.Uncovered()
			image.Close()
		}
		list = append(list, v)
	}
	for _, err := range refused {
		list = append(list, Verdict{Err: err})
	}
	if len(names) == 0 {
		list = append(list, s.missing()...)
	}
	return list, nil
}

// missing returns the plugins that lock files name and that are not there.
func (s *Store) missing() (list []Verdict) {
	for _, dir := range s.cfg.Dirs {
		lock, err := readLock(dir)
		if err != nil {
			continue // List has told
		}
		for name, entry := range lock.Plugins {
			path := filepath.Join(dir, Prefix+name)
			if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
				list = append(list, Verdict{Plugin: Plugin{Name: name, Path: path}, Err: fmt.Errorf(
					"%s: %w; the lock file has it at version %s: `cortex-host provider install %s` brings it back", path, fs.ErrNotExist, entry.Version, strings.TrimSpace(entry.Source))})
			}
		}
	}
	return list
}
