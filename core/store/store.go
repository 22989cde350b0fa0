package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Prefix begins the name of every plugin's file.
const Prefix = "cortex-provider-"

// Config says where plugins are and what vouches for them. The zero value finds
// none.
type Config struct {
	// Dirs are looked through in order.
	Dirs []string
	// Bundled are the SHA-256 hashes, in hex, of the plugins that were built
	// together with this program, by name.
	Bundled map[string]string
	// Overrides are files that run under a name with nobody vouching for them.
	Overrides map[string]string
}

// A Store finds plugins. It is safe for concurrent use.
type Store struct{ cfg Config }

// New returns a store.
func New(cfg Config) (*Store, error) {
	for name, path := range cfg.Overrides {
		if !ValidName(name) || !filepath.IsAbs(path) {
			return nil, fmt.Errorf("override %s=%s: want NAME=FILE with letters a to z, digits and - in the name and the whole path of the file", name, path)
		}
	}
	return &Store{cfg}, nil
}

// A Plugin is a provider's program.
type Plugin struct {
	// Name is the NAME of cortex-provider-NAME.
	Name string
	// Path is where it is.
	Path string
	// Pin is what vouches for it.
	Pin Pin
}

// The values of [Pin.By].
const (
	ByLock     = "lock"
	ByBuild    = "build"
	ByOverride = "override"
)

// A Pin is what vouches for a plugin. The zero value is nobody.
type Pin struct {
	// By is ByLock, ByBuild, ByOverride or "".
	By string `json:"by"`
	// SHA256 is the hash that its bytes must have, in hex; empty is any.
	SHA256 string `json:"sha256,omitempty"`
	// Version and Source are those of the lock file.
	Version string `json:"version,omitempty"`
	Source  string `json:"source,omitempty"`
}

// ErrNotFound is in the chain of Find's error when there is no such plugin.
var ErrNotFound = errors.New("no such provider plugin")

// ErrRefused is in the chain of an error about a plugin that is there and must
// not run.
var ErrRefused = errors.New("refused")

// refuse says why a file must not run.
func refuse(path, format string, args ...any) error {
	return fmt.Errorf("%w: %s: %w", ErrRefused, path, fmt.Errorf(format, args...))
}

// ValidName reports whether a plugin can have this name: letters a to z,
// digits and -, not beginning with a -.
func ValidName(name string) bool {
	for i, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && (c != '-' || i == 0) {
			return false
		}
	}
	return name != "" && len(name) <= 64
}

// List returns the plugins that there are, in the order of their names, and why
// others were refused. Files are not read: [Plugin.Load] does that.
func (s *Store) List() (found []Plugin, refused []error, err error) {
	seen := map[string]bool{}
	take := func(name string, find func() (Plugin, error)) {
		if seen[name] || !ValidName(name) {
			return
		}
		seen[name] = true
		if p, err := find(); err != nil {
			refused = append(refused, err)
		} else {
			found = append(found, p)
		}
	}
	for name := range s.cfg.Overrides {
		take(name, func() (Plugin, error) { return s.override(name) })
	}
	for _, dir := range s.cfg.Dirs {
		entries, err := os.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("list the plugins: %w", err)
		}
		for _, e := range entries {
			if name, ok := strings.CutPrefix(e.Name(), Prefix); ok {
				take(name, func() (Plugin, error) { return s.in(dir, name) })
			}
		}
	}
	slices.SortFunc(found, func(a, b Plugin) int { return strings.Compare(a.Name, b.Name) })
	return found, refused, nil
}

// Find returns the plugin of that name. Its error names those that there are.
func (s *Store) Find(name string) (Plugin, error) {
	if !ValidName(name) {
		return Plugin{}, fmt.Errorf("%q: %w: a name has letters a to z, digits and -", name, ErrNotFound)
	}
	if _, ok := s.cfg.Overrides[name]; ok {
		return s.override(name)
	}
	for _, dir := range s.cfg.Dirs {
		if _, err := os.Lstat(filepath.Join(dir, Prefix+name)); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		return s.in(dir, name)
	}
	all, _, err := s.List()
	if err != nil {
		return Plugin{}, err
	}
	names := make([]string, len(all))
	for i, p := range all {
		names[i] = p.Name
	}
	if len(names) == 0 {
		return Plugin{}, fmt.Errorf("%q: %w: there are none in %s", name, ErrNotFound, strings.Join(s.cfg.Dirs, ", "))
	}
	return Plugin{}, fmt.Errorf("%q: %w: there are %s", name, ErrNotFound, strings.Join(names, ", "))
}

// override returns a plugin that a developer named.
func (s *Store) override(name string) (Plugin, error) {
	p := Plugin{Name: name, Path: s.cfg.Overrides[name], Pin: Pin{By: ByOverride}}
	info, err := os.Stat(p.Path)
	if err != nil {
		return Plugin{}, fmt.Errorf("the override of %s: %w", name, err)
	}
	return p, runnable(p.Path, info)
}

// in returns the plugin of that name in a directory, with its pin.
func (s *Store) in(dir, name string) (Plugin, error) {
	p := Plugin{Name: name, Path: filepath.Join(dir, Prefix+name)}
	if err := safe(p.Path); err != nil {
		return Plugin{}, err
	}
	lock, err := readLock(dir)
	if err != nil {
		return Plugin{}, err
	}
	if entry, ok := lock.Plugins[name]; ok {
		if err := safeAbove(dir); err != nil {
			return Plugin{}, err
		}
		hash := entry.Platforms[Platform()].SHA256
		if hash == "" {
			return Plugin{}, refuse(p.Path, "%s has no hash of it for %s; `cortex-host provider install` adds it", lock.path, Platform())
		}
		p.Pin = Pin{By: ByLock, SHA256: hash, Version: entry.Version, Source: entry.Source}
		return p, nil
	}
	if hash := s.cfg.Bundled[name]; hash != "" {
		p.Pin = Pin{By: ByBuild, SHA256: hash}
		return p, nil
	}
	return Plugin{}, refuse(p.Path, "neither %s nor this build of cortex-host vouches for it; `cortex-host provider install %s` pins it, `--dev-plugin %s=%s` runs it as it is",
		lock.path, p.Path, name, p.Path)
}
