package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/cortexlinux/cortex-host/core/config"
	"github.com/cortexlinux/cortex-host/core/process"
	"github.com/cortexlinux/cortex-host/core/store"
	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider"
)

// A catalog knows the providers that are there. What a plugin says of itself
// is cached by its hash, so that looking at the catalog starts none.
type catalog struct {
	app   *app
	store *store.Store
	// broken says why there is no store.
	broken error
	// instances are those of the configuration.
	instances map[string]config.Instance
}

func (a *app) newCatalog(instances map[string]config.Instance) *catalog {
	s, err := a.store()
	return &catalog{app: a, store: s, broken: err, instances: instances}
}

// all returns every offer of every plugin. A plugin that cannot be described
// is passed over with a warning.
func (c *catalog) all(ctx context.Context) ([]offer, error) {
	if c.broken != nil {
		return nil, c.broken
	}
	plugins, refused, err := c.store.List()
	if err != nil {
		return nil, err
	}
	for _, why := range refused {
		c.app.note("warning: %v", why)
	}
	list, err := c.attached(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range plugins {
		if len(list) > 0 && list[0].reattach != nil && list[0].plugin.Name == p.Name {
			continue
		}
		about, err := c.describe(ctx, p)
		if err != nil {
			if ctx.Err() != nil {
				return nil, err
			}
			c.app.note("warning: %v", err)
			continue
		}
		list = append(list, offers(p, about)...)
	}
	return c.distinct(list), nil
}

// distinct leaves one offer of each name, and warns of the others: a plugin's own
// name comes first, then what came with this program, so that nobody else's
// preset takes its place and gets its key.
func (c *catalog) distinct(list []offer) []offer {
	rank := func(o *offer) int {
		switch {
		case o.preset == nil:
			return 0
		case o.plugin.Pin.By == store.ByBuild:
			return 1
		}
		return 2
	}
	first := map[string]*offer{}
	for i := range list {
		o := &list[i]
		if had := first[o.name]; had == nil || rank(o) < rank(had) {
			first[o.name] = o
		}
	}
	var kept []offer
	for i := range list {
		switch o := &list[i]; first[o.name] {
		case o:
			kept = append(kept, *o)
		default:
			c.app.note("warning: the preset %s of the plugin %s is hidden by that name of the plugin %s", o.name, o.plugin.Name, first[o.name].plugin.Name)
		}
	}
	return kept
}

// own returns the plugin of this program that offers the name, by itself or as a
// preset, or "".
func (c *catalog) own(ctx context.Context, name string) string {
	if c.broken != nil {
		return ""
	}
	plugins, _, err := c.store.List()
	if err != nil {
		return ""
	}
	for _, p := range plugins {
		if p.Pin.By != store.ByBuild {
			continue
		}
		about, err := c.describe(ctx, p)
		if err != nil {
			continue // who uses it is told
		}
		for _, o := range offers(p, about) {
			if o.name == name {
				return p.Name
			}
		}
	}
	return ""
}

// find returns the offer of that name: an instance of the configuration, else a
// plugin, else a preset of one.
func (c *catalog) find(ctx context.Context, name string) (offer, error) {
	if instance, ok := c.instances[name]; ok {
		plugin := instance.Plugin
		if plugin == "" {
			plugin = name
		}
		o, err := c.findPlugin(ctx, plugin)
		if err != nil {
			return offer{}, fmt.Errorf("providers.%s: %w", name, err)
		}
		o.name, o.instance = name, instance
		return o, nil
	}
	return c.findPlugin(ctx, name)
}

func (c *catalog) findPlugin(ctx context.Context, name string) (offer, error) {
	running, err := c.attached(ctx)
	if err != nil {
		return offer{}, err
	}
	for _, o := range running {
		if o.name == name {
			c.app.info("provider: %s is the process %d that %s names; nobody verified it", name, o.reattach.PID, provider.ReattachVariable)
			return o, nil
		}
	}
	if c.broken != nil {
		return offer{}, c.broken
	}
	p, err := c.store.Find(name)
	if errors.Is(err, store.ErrRefused) {
		return offer{}, usagef("`cortex-host provider verify` looks at all plugins", "provider %s: %w", name, err)
	}
	if err == nil {
		about, err := c.describe(ctx, p)
		if err != nil {
			return offer{}, err
		}
		return offers(p, about)[0], nil
	}
	all, err := c.all(ctx)
	if err != nil {
		return offer{}, err
	}
	names := sortedKeys(c.instances)
	for _, o := range all {
		if o.name == name {
			return o, nil
		}
		names = append(names, o.name)
	}
	hint := "there are " + strings.Join(names, ", ")
	switch near := config.Nearest(name, names); {
	case len(names) == 0:
		hint = "no plugins were found in " + strings.Join(c.app.pluginDirs(), ", ") + "; `make build` builds them, " + envPluginPath + " adds a directory"
	case near != "":
		hint = "did you mean " + near + "? " + hint
	}
	return offer{}, usagef(hint, "there is no provider %q", name)
}

func (c *catalog) describe(ctx context.Context, p store.Plugin) (sdk.Description, error) {
	return process.Describe(ctx, p, filepath.Join(c.app.cacheDir(), "describe"))
}
