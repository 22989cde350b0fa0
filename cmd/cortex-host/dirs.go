package main

import (
	"os"
	"path/filepath"
)

// The variables that name further directories, separated like those of PATH.
const (
	envPluginPath    = "CORTEX_HOST_PLUGIN_PATH"
	envGeneratorPath = "CORTEX_HOST_GENERATOR_PATH"
)

const appName = "cortex-host"

// pluginDirs are where plugins are looked for, the first one first.
func (a *app) pluginDirs() []string { return a.searchPath(envPluginPath, "plugins") }

// generatorDirs are where generators are looked for, the first one first.
func (a *app) generatorDirs() []string { return a.searchPath(envGeneratorPath, "generators") }

// searchPath is the variable's directories, then the one beside this program,
// then the user's.
func (a *app) searchPath(variable, name string) []string {
	var dirs []string
	for _, dir := range filepath.SplitList(a.lookup(variable)) {
		if dir != "" {
			dirs = append(dirs, dir)
		}
	}
	if self, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(self); err == nil {
			self = real
		}
		dirs = append(dirs, filepath.Join(filepath.Dir(self), name))
	}
	if data := a.xdg("XDG_DATA_HOME", ".local/share"); data != "" {
		dirs = append(dirs, filepath.Join(data, name))
	}
	return dirs
}

// xdg returns this program's directory of one kind, "" if there is no home.
func (a *app) xdg(variable, fallback string) string {
	base := a.lookup(variable)
	if !filepath.IsAbs(base) {
		home := a.lookup("HOME")
		if home == "" {
			return ""
		}
		base = filepath.Join(home, fallback)
	}
	return filepath.Join(base, appName)
}

func (a *app) cacheDir() string  { return a.xdg("XDG_CACHE_HOME", ".cache") }
func (a *app) configDir() string { return a.xdg("XDG_CONFIG_HOME", ".config") }
