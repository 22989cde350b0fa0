package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/cortexlinux/cortex-host/core/process"
	"github.com/cortexlinux/cortex-host/core/store"
	"github.com/cortexlinux/cortex-host/sdk/provider/providertest"
)

// A pluginDoor opens instances of a plugin as processes of their own.
type pluginDoor struct {
	plugin store.Plugin
	runDir *process.RunDir
}

var (
	_ providertest.Door    = pluginDoor{}
	_ providertest.Knocker = pluginDoor{}
	_ providertest.Named   = pluginDoor{}
)

// Name implements [providertest.Named]: a file of another form has none.
func (d pluginDoor) Name() string {
	if name, ok := strings.CutPrefix(filepath.Base(d.plugin.Path), store.Prefix); ok {
		return name
	}
	return ""
}

// Open implements [providertest.Door].
func (d pluginDoor) Open(_ context.Context, s providertest.Surroundings) (providertest.Instance, error) {
	i := &pluginInstance{}
	cfg := process.Config{
		Plugin: d.plugin, RunDir: d.runDir, ConfigureLater: true, Files: s.Readable,
		Logger: hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: &i.log}),
	}
	if s.CertFile != "" {
		cfg.ExtraEnv = []string{"SSL_CERT_FILE=" + s.CertFile}
	}
	var err error
	i.Provider, err = process.New(cfg)
	return i, err
}

// knockTime is how long a plugin may take to say that it needs a host.
const knockTime = 10 * time.Second

// Knock implements [providertest.Knocker].
func (d pluginDoor) Knock(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, knockTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, d.plugin.Path)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("it still runs after %v; without the variable CORTEX_HOST_PLUGIN it must say that it is a plugin and end", knockTime)
	case err == nil:
		return errors.New("it ends with exit code 0; it must say that it is a plugin, and fail")
	case !errors.As(err, &exit):
		return err
	case len(bytes.TrimSpace(out)) == 0:
		return errors.New("it says nothing; it must say that it is a plugin")
	}
	return nil
}

// A pluginInstance is a plugin's process that remembers what it logs.
type pluginInstance struct {
	*process.Provider
	log logBuffer
}

var _ providertest.Logger = (*pluginInstance)(nil)

// Log implements [providertest.Logger].
func (i *pluginInstance) Log() string { return i.log.String() }

// maxLog bounds what is remembered of a log.
const maxLog = 4 << 20

// A logBuffer remembers the beginning of what is written to it. It is safe for
// concurrent use.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write never fails.
func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.b.Len() < maxLog {
		l.b.Write(p)
	}
	return len(p), nil
}

// String returns what was written.
func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
