package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/cortexlinux/cortex-host/core/process"
	"github.com/cortexlinux/cortex-host/core/store"
	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider"
)

// reattached returns the plugin that runs already, under somebody's debugger,
// nil if the environment names none. A plugin prints the variable when it is
// started with --debug.
func (a *app) reattached() (*provider.Reattach, error) {
	value := a.lookup(provider.ReattachVariable)
	if value == "" {
		return nil, nil
	}
	r, err := provider.ParseReattach(value)
	if err != nil {
		return nil, usagef("start the plugin with --debug and copy what it prints", "%w", err)
	}
	return r, nil
}

// attached returns the offers of the plugin that runs already, if there is one.
func (c *catalog) attached(ctx context.Context) ([]offer, error) {
	r, err := c.app.reattached()
	if err != nil || r == nil {
		return nil, err
	}
	p, err := process.New(process.Config{Name: r.Name, Reattach: r, ConfigureLater: true})
	if err != nil {
		return nil, err
	}
	defer p.Close()
	about, err := p.Describe(ctx)
	if err != nil {
		return nil, fmt.Errorf("the plugin %s of %s does not answer: %w", r.Name, provider.ReattachVariable, err)
	}
	return c.offersAttached(r, about), nil
}

func (c *catalog) offersAttached(r *provider.Reattach, about sdk.Description) []offer {
	all := offers(store.Plugin{Name: r.Name, Path: filepath.Join("/proc", fmt.Sprint(r.PID), "exe")}, about)
	for i := range all {
		all[i].reattach = r
	}
	return all
}
