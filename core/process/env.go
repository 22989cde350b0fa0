package process

import (
	"os"
	"slices"
	"strings"

	"github.com/hashicorp/go-hclog"

	"github.com/cortexlinux/cortex-host/sdk/provider"
)

// passed are the variables that a plugin sees: what a program needs to find its
// way, a proxy and certificates. No key is among them.
var passed = []string{
	"PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TERM",
	"XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR",
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

// environment returns the part of the host's environment that the plugin sees.
func environment(more []string) []string {
	var env []string
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if slices.Contains(passed, name) || strings.HasPrefix(name, "LC_") || slices.Contains(more, name) {
			env = append(env, entry)
		}
	}
	return env
}
