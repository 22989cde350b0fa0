package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cortexlinux/cortex-host/core/config"
	"github.com/cortexlinux/cortex-host/core/facts"
	"github.com/cortexlinux/cortex-host/core/format"
	"github.com/cortexlinux/cortex-host/core/wasm"
)

const moduleSuffix = ".wasm"

// findGenerator returns the path of a generator, given by name or by path.
func (a *app) findGenerator(name string) (string, error) {
	if strings.ContainsRune(name, os.PathSeparator) || strings.HasSuffix(name, moduleSuffix) {
		return name, nil
	}
	for _, dir := range a.generatorDirs() {
		path := filepath.Join(dir, name+moduleSuffix)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, nil
		}
	}
	names := a.generatorNames()
	hint := "there are " + strings.Join(names, ", ") + "; a path to a .wasm file works too"
	switch near := config.Nearest(name, names); {
	case len(names) == 0:
		hint = "no generators were found in " + strings.Join(a.generatorDirs(), ", ") + "; `make build` builds them, " + envGeneratorPath + " adds a directory"
	case near != "":
		hint = "did you mean " + near + "? " + hint
	}
	return "", usagef(hint, "there is no generator %q", name)
}

// generatorNames returns the names of all generators, sorted.
func (a *app) generatorNames() []string {
	var names []string
	for _, path := range a.generatorPaths() {
		names = append(names, strings.TrimSuffix(filepath.Base(path), moduleSuffix))
	}
	slices.Sort(names)
	return names
}

// generatorPaths returns the files of all generators; of those of one name, the
// one that is found first.
func (a *app) generatorPaths() []string {
	var paths []string
	seen := map[string]bool{}
	for _, dir := range a.generatorDirs() {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			a.note("warning: %v", err)
		}
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), moduleSuffix) && !seen[e.Name()] {
				seen[e.Name()] = true
				paths = append(paths, filepath.Join(dir, e.Name()))
			}
		}
	}
	return paths
}

// openGenerator finds a generator and reads it; nothing of it runs.
func (a *app) openGenerator(name string) (*wasm.Module, error) {
	path, err := a.findGenerator(name)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(path); err != nil {
		return nil, usagef(generatorsHint, "%w", err)
	} else if !info.Mode().IsRegular() {
		return nil, usagef(generatorsHint, "%s is no file", path)
	}
	return wasm.Open(path)
}

const generatorsHint = "name a .wasm file, or one of those that `cortex-host generator list` shows"

// runnerKeys are the settings that newRunner looks at.
var runnerKeys = []string{"generator_timeout", "generator_facts", "generator_allow", "generator_memory_mb", "generator_queries_per_item"}

// newRunner returns what runs generators.
func (a *app) newRunner(c *config.Config) (*wasm.Runner, error) {
	cache := a.cacheDir()
	if cache != "" {
		cache = filepath.Join(cache, "wasm")
	}
	limits := wasm.Limits{Timeout: c.GeneratorTimeout, MemoryMB: c.GeneratorMemoryMB, QueriesPerItem: c.GeneratorQueriesPerItem}
	if c.Given("generator_timeout") {
		limits.CompileTimeout = c.GeneratorTimeout // who sets a deadline means all of it
	}
	allow := c.GeneratorAllow
	r, err := wasm.NewRunner(wasm.Config{
		CacheDir: cache,
		Limits:   limits,
		Allow: wasm.Allow{Providers: allow.Providers, Models: allow.Models, Options: allow.Options, ImageURLs: allow.ImageURLs,
			Facts: c.GeneratorFacts},
		Facts: facts.New(facts.Config{}),
		Log:   a.guestLog(),
	})
	return r, withHint(err, "set HOME or XDG_CACHE_HOME to a directory that this user can write to, and nobody else")
}

// maxGuestLines is how much of what a guest prints on stderr is shown as it
// comes. An error quotes the guest's last words anyway.
const maxGuestLines = 20

// guestLog returns what shows the lines that a guest prints on stderr.
func (a *app) guestLog() func(generator, line string) {
	shown := 0
	return func(generator, line string) {
		switch shown++; {
		case shown <= maxGuestLines:
			a.note("generator %s: %s", format.Inline(generator), format.Inline(line))
		case shown == maxGuestLines+1:
			a.note("generator %s: ... further lines are not shown", format.Inline(generator))
		}
	}
}
