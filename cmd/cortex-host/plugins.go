package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cortexlinux/cortex-host/core/config"
	"github.com/cortexlinux/cortex-host/core/process"
	"github.com/cortexlinux/cortex-host/core/store"
	"github.com/cortexlinux/cortex-host/sdk"
)

// bundled is set by the linker: NAME:SHA256, separated by commas, of the
// plugins that were built together with this program.
var bundled string

// envDevPlugins names plugins that run with nobody vouching for them:
// NAME=FILE, separated like the directories of PATH.
const envDevPlugins = "CORTEX_HOST_DEV_PLUGINS"

// store returns what finds plugins and vouches for them.
func (a *app) store() (*store.Store, error) {
	cfg := store.Config{Dirs: a.pluginDirs(), Bundled: map[string]string{}, Overrides: map[string]string{}}
	for _, pin := range strings.Split(bundled, ",") {
		if name, hash, ok := strings.Cut(pin, ":"); ok {
			cfg.Bundled[name] = hash
		}
	}
	for _, text := range append(filepath.SplitList(a.lookup(envDevPlugins)), a.devPlugins...) {
		name, file, ok := strings.Cut(text, "=")
		path, err := filepath.Abs(file)
		if !ok || file == "" || err != nil || !store.ValidName(name) {
			return nil, usagef("for example --dev-plugin mine=./cortex-provider-mine", "the override %q is not NAME=FILE", text)
		}
		cfg.Overrides[name] = path
	}
	return store.New(cfg)
}

// warnOfOverride says loudly, also with --quiet, that nobody vouches for what
// is about to run.
func (a *app) warnOfOverride(p store.Plugin) {
	if p.Pin.By == store.ByOverride {
		a.note("WARNING: the provider %s is %s, NOT VERIFIED: a development override (--dev-plugin or %s) bypasses the lock file", p.Name, p.Path, envDevPlugins)
	}
}

// processConfig says how the plugin of an offer runs.
func (a *app) processConfig(c *config.Config, o *offer, name string, s sdk.Settings) process.Config {
	secret, files := o.special(s)
	cfg := process.Config{
		Name: name, Plugin: o.plugin, Settings: s, Secret: secret, Logger: a.logger(), Reattach: o.reattach,
		Confinement: c.PluginConfinement, MemoryBytes: uint64(c.PluginMemory) << 20,
		Env: o.instance.Grant.Env, Files: slices.Concat(files, a.homePaths(o.about.ReadPaths), a.homePaths(o.instance.Grant.Files)),
	}
	if state := a.xdg("XDG_STATE_HOME", ".local/state"); state != "" {
		cfg.LogFile = filepath.Join(state, "logs", o.plugin.Name+".log")
	}
	if cache := a.cacheDir(); cache != "" {
		cfg.CacheDir = filepath.Join(cache, "plugins", o.plugin.Name)
	}
	return cfg
}

// findFiles makes the paths of files that settings name whole: the plugin is let
// read that file and no other. What names no file stays, and may be the file's
// text itself.
func (a *app) findFiles(o *offer, s sdk.Settings) {
	properties, err := o.properties()
	if err != nil {
		return // settings have said so
	}
	for name, p := range properties {
		var path string
		if !p.File || json.Unmarshal(s[name], &path) != nil || path == "" {
			continue
		}
		whole, err := filepath.Abs(a.homePath(path))
		if err != nil {
			continue
		}
		if _, err := os.Stat(whole); err == nil {
			s[name] = quoteJSON(whole)
		}
	}
}

// special returns the names of the settings that are secret, and the files that
// settings name.
func (o *offer) special(s sdk.Settings) (secret, files []string) {
	properties, err := o.properties()
	if err != nil {
		return nil, nil // settings have said so
	}
	for _, name := range sortedKeys(properties) {
		p := properties[name]
		if p.Secret {
			secret = append(secret, name)
		}
		var path string
		if p.File && json.Unmarshal(s[name], &path) == nil && filepath.IsAbs(path) {
			files = append(files, path)
		}
	}
	return secret, files
}

// userPlugins is the directory that plugins are installed into.
func (a *app) userPlugins() (string, error) {
	data := a.xdg("XDG_DATA_HOME", ".local/share")
	if data == "" {
		return "", usagef("set HOME or XDG_DATA_HOME, or name one with --dir", "there is no directory to install into")
	}
	return filepath.Join(data, "plugins"), nil
}

// maxRunDir keeps the path of a plugin's socket below the kernel's limit of 107
// bytes.
const maxRunDir = 40

// openRunDir makes the directory of this run's sockets: below the user's own
// directory for that, else the one for temporary files unless its name is too
// long.
func (a *app) openRunDir() (*process.RunDir, error) {
	for _, dir := range []string{a.lookup("XDG_RUNTIME_DIR"), os.TempDir()} {
		if info, err := os.Stat(dir); filepath.IsAbs(dir) && len(dir) <= maxRunDir && err == nil && info.IsDir() {
			return process.OpenRunDir(dir)
		}
	}
	return process.OpenRunDir("/tmp")
}
