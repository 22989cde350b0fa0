package facts

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// maxCached bounds the names that are remembered.
const maxCached = 4096

// A packageCache remembers what the package tools said, from one run to the
// next, for as long as the files that they read are unchanged. Asking apt takes
// half a second on machines that do not keep its index.
type packageCache struct {
	path  string // empty: in memory only
	stamp string
	known map[string]Package
	all   map[string]Package // everything, once it was read
	asked int
}

// cacheFile is the file's content.
type cacheFile struct {
	Version  int                `json:"version"`
	Stamp    string             `json:"stamp"`
	Packages map[string]Package `json:"packages"`
}

const cacheVersion = 1

func openPackageCache(dir string, m *manager) *packageCache {
	c := &packageCache{known: map[string]Package{}}
	if m == nil {
		return c
	}
	c.stamp = stamp(m)
	if dir == "" {
		return c
	}
	c.path = filepath.Join(dir, "packages-"+m.name+".json")
	data, err := os.ReadFile(c.path)
	if err != nil {
		return c
	}
	var f cacheFile
	if json.Unmarshal(data, &f) == nil && f.Version == cacheVersion && f.Stamp == c.stamp && f.Packages != nil {
		c.known = f.Packages
	}
	return c
}

// get returns what is remembered of a package; an empty Package means that
// nobody knows it.
func (c *packageCache) get(name string) (Package, bool) {
	if c.all != nil {
		p := c.all[name]
		return p, true
	}
	p, ok := c.known[name]
	return p, ok
}

func (c *packageCache) put(name string, p Package) {
	if len(c.known) >= maxCached {
		clear(c.known)
	}
	c.known[name] = p
}

// save writes the cache. Failing to is no loss but time.
func (c *packageCache) save() {
	if c.path == "" {
		return
	}
	data, err := json.Marshal(cacheFile{cacheVersion, c.stamp, c.known})
	if err != nil || os.MkdirAll(filepath.Dir(c.path), 0o700) != nil {
		return
	}
	part, err := os.CreateTemp(filepath.Dir(c.path), "part-")
	if err != nil {
		return
	}
	_, err = part.Write(data)
	if closeErr := part.Close(); err == nil && closeErr == nil && os.Rename(part.Name(), c.path) == nil {
		return
	}
	_ = os.Remove(part.Name())
}

// stamp describes the state of what a manager's tools read.
func stamp(m *manager) string {
	h := sha256.New()
	note := func(path string) {
		if info, err := os.Stat(path); err == nil {
			fmt.Fprintln(h, path, info.Size(), info.ModTime().UnixNano())
		}
	}
	for _, path := range m.state {
		note(path)
		entries, err := os.ReadDir(path)
		if err != nil {
			continue // a file, or not there
		}
		for _, e := range entries {
			note(filepath.Join(path, e.Name()))
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
