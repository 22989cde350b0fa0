// Package facts collects facts about this machine for generators: what an
// administrator would otherwise have to type into every question.
//
//	c := facts.New(facts.Config{})
//	os, err := c.Machine(ctx, "os")
//	known, err := c.Packages(ctx, []string{"bash", "nginx"})
//
// Facts are JSON objects; their members are described in the generator's
// SPEC.md. A member that is not known is left out. No fact names the machine,
// its users, its addresses or its serial numbers: facts end up in prompts, and
// prompts leave the machine.
//
// [Collector] reads; it changes nothing but its own cache. It runs the
// machine's package tools, never a shell, and gives them names only that look
// like names.
package facts

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Config says how facts are collected. The zero value is for this machine.
type Config struct {
	// CacheDir holds what the package tools said, for as long as their data
	// does not change. Empty: cortex-host/facts in the user's cache directory;
	// "off": no cache.
	CacheDir string
	// Run executes a tool and writes its output to out. Nil: os/exec, without a
	// shell. The output counts even if the tool fails.
	Run func(ctx context.Context, out io.Writer, tool string, args ...string) error
	// Timeout bounds one tool. Default 20 s.
	Timeout time.Duration
}

// A Collector collects facts. It is safe for concurrent use.
type Collector struct {
	config Config

	mu       sync.Mutex // guards what follows
	manager  *manager
	packages *packageCache
}

// New returns a collector for this machine.
func New(c Config) *Collector {
	if c.Timeout <= 0 {
		c.Timeout = 20 * time.Second
	}
	if c.Run == nil {
		c.Run = runTool
	}
	if c.CacheDir == "" {
		if dir, err := os.UserCacheDir(); err == nil {
			c.CacheDir = filepath.Join(dir, "cortex-host", "facts")
		}
	}
	if c.CacheDir == "off" {
		c.CacheDir = ""
	}
	return &Collector{config: c}
}

// Names returns the names of the facts that [Collector.Machine] knows.
func Names() []string { return []string{"os", "cpu", "memory", "disk", "gpu", "network"} }

// Machine returns the fact of that name: a JSON object, or nil if nothing is
// known.
func (c *Collector) Machine(ctx context.Context, name string) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	var fact any
	var err error
	switch name {
	case "os":
		fact, err = osFact(ctx)
	case "cpu":
		fact, err = cpuFact(ctx)
	case "memory":
		fact, err = memoryFact(ctx)
	case "disk":
		fact, err = diskFact(ctx)
	case "gpu":
		fact, err = gpuFact()
	case "network":
		fact, err = networkFact(ctx)
	default:
		return nil, fmt.Errorf("there is no fact %q; one of %v", name, Names())
	}
	if err != nil {
		return nil, fmt.Errorf("fact %s: %w", name, err)
	}
	return json.Marshal(fact)
}
