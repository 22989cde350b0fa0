package facts

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
)

// Package is what is known of a package.
type Package struct {
	// Installed is the installed version, empty if there is none.
	Installed string `json:"installed,omitempty"`
	// Candidate is the version that the package manager would install, empty
	// if it knows of none.
	Candidate string `json:"candidate,omitempty"`
	// Architecture is that of the installed version, else of the candidate.
	Architecture string `json:"architecture,omitempty"`
}

// packageName is what every package manager's names look like; nothing else is
// handed to a tool. It cannot be mistaken for an option or a pattern.
var packageName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9+._-]{0,127}(:[a-z0-9]+)?$`)

// bulkAfter is how many names are looked up one batch at a time before
// everything is read at once.
const bulkAfter = 256

// Packages returns what is known of each package; packages that nobody knows
// are missing. All names are looked up with a few calls of the package
// manager's tools; after many names everything is read once.
func (c *Collector) Packages(ctx context.Context, names []string) (map[string]json.RawMessage, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.packages == nil {
		c.manager = findManager()
		c.packages = openPackageCache(c.config.CacheDir, c.manager)
	}
	if c.manager == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	if err := c.learn(ctx, names); err != nil {
		return nil, err
	}
	facts := make(map[string]json.RawMessage, len(names))
	for _, name := range names {
		known, ok := c.packages.get(name)
		if !ok || known == (Package{}) {
			continue
		}
		raw, err := json.Marshal(known)
		if err != nil {
			return nil, err
		}
		facts[name] = raw
	}
	return facts, nil
}

// learn looks up the names that are not known yet. Requires that mu is held.
func (c *Collector) learn(ctx context.Context, names []string) error {
	var missing []string
	for _, name := range names {
		if _, known := c.packages.get(name); !known && packageName.MatchString(name) && !slices.Contains(missing, name) {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	look := &lookup{ctx: ctx, run: c.config.Run, found: map[string]Package{}}
	if c.packages.asked += len(missing); c.packages.asked > bulkAfter && c.manager.everything != nil {
		c.manager.everything(look)
		c.packages.all = look.found
		return ctx.Err()
	}
	c.manager.some(look, missing)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for _, name := range missing {
		c.packages.put(name, look.found[name])
	}
	c.packages.save()
	return nil
}

// toolEnv are the variables that package tools get. They need no more, and the
// rest holds keys.
var toolEnv = []string{"PATH", "HOME", "TMPDIR", "APT_CONFIG"}

// runTool executes a tool with a plain environment.
func runTool(ctx context.Context, out io.Writer, tool string, args ...string) error {
	cmd := exec.CommandContext(ctx, tool, args...)
	cmd.Env = []string{"LC_ALL=C", "LANGUAGE=C", "NO_COLOR=1"}
	for _, name := range toolEnv {
		if value, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	cmd.Stdout = out
	return cmd.Run()
}
