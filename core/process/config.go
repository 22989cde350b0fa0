package process

import (
	"errors"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/cortexlinux/cortex-host/core/store"
	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider"
)

// Config says what to run. Only Plugin is required.
type Config struct {
	// Name names the instance in errors and logs; empty is the plugin's name.
	Name string
	// Plugin is the binary.
	Plugin store.Plugin
	// Settings are handed over by Configure right after each start.
	Settings sdk.Settings
	// Logger gets the plugin's log and what is logged about it; nil is none.
	Logger hclog.Logger
	// RunDir is where the directory of the socket is made; empty is the
	// system's directory for temporary files.
	RunDir string
	// Env names further variables of the host's environment that the plugin
	// may see.
	Env []string
	// Files are files and directories that the plugin may read beside those
	// that every plugin may, where plugins are confined.
	Files []string
	// ExtraEnv are further variables as NAME=value.
	ExtraEnv []string
	// ConfigureLater leaves the plugin without settings until Configure is
	// called. For a kit that looks at plugins.
	ConfigureLater bool
	// StartTimeout bounds the start; 0 is 10 s.
	StartTimeout time.Duration
	// StopTimeout is how long the plugin may take to end by itself; 0 is 2 s.
	StopTimeout time.Duration
	// HangTimeout is how long it may leave a sign of life unanswered while
	// calls wait for it; 0 is 15 s.
	HangTimeout time.Duration
	// Reattach, if set, is a plugin that runs already: nothing is started or
	// ended.
	Reattach *provider.Reattach
}

func (c *Config) setDefaults() error {
	if c.Plugin.Path == "" && c.Reattach == nil {
		return errors.New("process: Config.Plugin is empty")
	}
	if c.Name == "" {
		c.Name = c.Plugin.Name
	}
	if c.Logger == nil {
		c.Logger = hclog.NewNullLogger()
	}
	for _, d := range []struct {
		value *time.Duration
		def   time.Duration
	}{{&c.StartTimeout, 10 * time.Second}, {&c.StopTimeout, 2 * time.Second}, {&c.HangTimeout, 15 * time.Second}} {
		if *d.value <= 0 {
			*d.value = d.def
		}
	}
	return nil
}
