package process

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/go-hclog"

	"github.com/cortexlinux/cortex-host/core/store"
	"github.com/cortexlinux/cortex-host/sdk/provider"
)

// passed are the variables that a plugin sees: what a program needs to find its
// way, a proxy and certificates. No key is among them.
var passed = []string{
	"PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TERM",
	"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
	"http_proxy", "https_proxy", "all_proxy", "no_proxy",
	"SSL_CERT_FILE", "SSL_CERT_DIR", provider.LogLevelVariable,
}

// logLevel tells the plugin to log what the logger keeps, unless the user's
// environment says how much.
func (c *Config) logLevel() []string {
	level := c.Logger.GetLevel()
	if level == hclog.NoLevel || os.Getenv(provider.LogLevelVariable) != "" {
		return nil
	}
	return []string{provider.LogLevelVariable + "=" + level.String()}
}

// environment returns what the plugin sees: a part of the host's environment,
// then the instance's own, then what is needed to run this image.
func (c *Config) environment(image *store.Image) []string {
	var env []string
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if slices.Contains(passed, name) || strings.HasPrefix(name, "LC_") || slices.Contains(c.Env, name) {
			env = append(env, entry)
		}
	}
	env = append(env, childEnv...)
	env = append(env, c.logLevel()...)
	if c.CacheDir != "" {
		env = append(env, "XDG_CACHE_HOME="+c.CacheDir)
	}
	if image != nil {
		env = append(env, c.imageEnv(image)...)
	}
	return append(env, c.ExtraEnv...)
}

// imageEnv tells Go's collector of the memory limit, and a script, which runs
// from memory, where the modules beside its file are.
func (c *Config) imageEnv(image *store.Image) []string {
	env := []string{fmt.Sprintf("GOMEMLIMIT=%d", c.MemoryBytes/10*9)}
	if image.Interpreter == "" || image.File == nil {
		return env
	}
	dir := filepath.Dir(c.Plugin.Path)
	for _, name := range []string{"PYTHONPATH", "NODE_PATH", "RUBYLIB", "PERL5LIB"} {
		env = append(env, name+"="+dir)
	}
	// Node would look for the file behind the descriptor.
	return append(env, "CORTEX_HOST_PLUGIN_FILE="+c.Plugin.Path, "NODE_OPTIONS=--preserve-symlinks-main")
}
