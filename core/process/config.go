package process

import (
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/cortexlinux/cortex-host/core/store"
	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider"
)

// The levels of confinement.
const (
	// ConfineStandard takes away what a plugin does not need, as far as this
	// system can.
	ConfineStandard = "standard"
	// ConfineOff leaves the limits of memory and files and the supervisor.
	ConfineOff = "off"
)

// Config says what to run. Only Plugin is required.
type Config struct {
	// Name names the instance in errors and logs; empty is the plugin's name.
	Name string
	// Plugin is the program.
	Plugin store.Plugin
	// Settings are handed over by Configure right after each start.
	Settings sdk.Settings
	// Secret names the settings whose values are kept out of logs and errors.
	Secret []string
	// Logger gets the plugin's log and what is logged about it; nil is none.
	Logger hclog.Logger
	// LogFile is the path of a file that gets the same, bounded and rotated;
	// empty is none. Processes of one user may share it.
	LogFile string
	// LogBytes bounds the log file and its three predecessors together; 0 is
	// 16 MiB.
	LogBytes int64
	// RunDir is where the plugin's socket lives; nil is a directory of its own.
	// Those that share one share the copies of pinned programs, too.
	RunDir *RunDir
	// Env names further variables of the host's environment that the plugin
	// may see.
	Env []string
	// Files are files and directories that the plugin may read beside those
	// that every plugin may, where plugins are confined.
	Files []string
	// ExtraEnv are further variables as NAME=value.
	ExtraEnv []string
	// Confinement is ConfineStandard or ConfineOff; empty is standard.
	Confinement string
	// CacheDir is the plugin's own directory, the one place that outlives it
	// where it may write; it finds it as XDG_CACHE_HOME. It is made. Empty is
	// none.
	CacheDir string
	// MemoryBytes bounds the memory of each of the plugin's processes; 0 is
	// 1 GiB.
	MemoryBytes uint64
	// ConfigureLater leaves the plugin without settings until Configure is
	// called. For a kit that looks at plugins.
	ConfigureLater bool
	// StartTimeout bounds the start; 0 is 10 s.
	StartTimeout time.Duration
	// StopTimeout is how long, after Close, calls under way, and then the plugin
	// itself, may take to end by themselves; 0 is 2 s.
	StopTimeout time.Duration
	// HangTimeout is how long it may leave a sign of life unanswered while
	// calls wait for it; 0 is 15 s. One that does not even use the processor
	// has a fifth of that.
	HangTimeout time.Duration
	// Reattach, if set, is a plugin that runs already: nothing is started or
	// ended.
	Reattach *provider.Reattach

	landlock int // for tests of older kernels, as confine.Policy's
}

func (c *Config) setDefaults() error {
	if c.Plugin.Path == "" && c.Reattach == nil {
		return errors.New("process: Config.Plugin is empty")
	}
	switch c.Confinement {
	case "":
		c.Confinement = ConfineStandard
	case ConfineStandard, ConfineOff:
	default:
		return fmt.Errorf("process: confinement %q: there are %s and %s", c.Confinement, ConfineStandard, ConfineOff)
	}
	if c.Name == "" {
		c.Name = c.Plugin.Name
	}
	if c.Logger == nil {
		c.Logger = hclog.NewNullLogger()
	}
	if c.LogBytes <= 0 {
		c.LogBytes = 16 << 20
	}
	if c.MemoryBytes == 0 {
		c.MemoryBytes = 1 << 30
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
