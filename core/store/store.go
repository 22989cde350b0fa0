// Package store finds provider plugins: executable files that are named
// cortex-provider-NAME in a list of directories. The first directory that has a
// name wins.
//
//	all, err := store.List(dirs)
//	one, err := store.Find(dirs, "openai")
//
// A plugin that every user of the machine can write is not run: it is not
// listed, and Find says why.
package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const prefix = "cortex-provider-"

// A Plugin is a provider's binary.
type Plugin struct {
	// Name is the NAME of cortex-provider-NAME.
	Name string
	// Path is where it is.
	Path string
}

// ErrNotFound is in the chain of Find's error when there is no such plugin.
var ErrNotFound = errors.New("no such provider plugin")

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

// List returns the plugins in dirs, in the order of their names. A directory
// that does not exist holds none.
func List(dirs []string) ([]Plugin, error) {
	var all []Plugin
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("list the plugins: %w", err)
		}
		for _, e := range entries {
			name, ok := strings.CutPrefix(e.Name(), prefix)
			p := Plugin{Name: name, Path: filepath.Join(dir, e.Name())}
			known := slices.ContainsFunc(all, func(q Plugin) bool { return q.Name == name })
			if ok && ValidName(name) && !known && p.check() == nil {
				all = append(all, p)
			}
		}
	}
	slices.SortFunc(all, func(a, b Plugin) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// Find returns the plugin of that name. Its error names those that there are.
func Find(dirs []string, name string) (Plugin, error) {
	if !ValidName(name) {
		return Plugin{}, fmt.Errorf("%q: %w: a name has letters a to z, digits and -", name, ErrNotFound)
	}
	for _, dir := range dirs {
		p := Plugin{Name: name, Path: filepath.Join(dir, prefix+name)}
		err := p.check()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return Plugin{}, err
		}
		return p, nil
	}
	all, err := List(dirs)
	if err != nil {
		return Plugin{}, err
	}
	names := make([]string, len(all))
	for i, p := range all {
		names[i] = p.Name
	}
	if len(names) == 0 {
		return Plugin{}, fmt.Errorf("%q: %w: there are none in %s", name, ErrNotFound, strings.Join(dirs, ", "))
	}
	return Plugin{}, fmt.Errorf("%q: %w: there are %s", name, ErrNotFound, strings.Join(names, ", "))
}

// check says why the file can't be run.
func (p Plugin) check() error {
	info, err := os.Stat(p.Path)
	if err != nil {
		return err
	}
	dir, err := os.Stat(filepath.Dir(p.Path))
	if err != nil {
		return err
	}
	const anybodyWrites = 0o002
	switch {
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a file", p.Path)
	case info.Mode().Perm()&0o111 == 0:
		return fmt.Errorf("%s is not executable; chmod +x it", p.Path)
	case info.Mode().Perm()&anybodyWrites != 0:
		return fmt.Errorf("%s can be changed by every user of this machine; chmod o-w it", p.Path)
	case dir.Mode().Perm()&anybodyWrites != 0 && dir.Mode()&fs.ModeSticky == 0:
		return fmt.Errorf("%s can be changed by every user of this machine; chmod o-w it", filepath.Dir(p.Path))
	}
	return nil
}

// Hash returns the SHA-256 of the binary in hex.
func (p Plugin) Hash() (string, error) {
	f, err := os.Open(p.Path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("hash %s: %w", p.Path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
