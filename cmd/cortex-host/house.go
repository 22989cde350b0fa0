package main

import (
	"context"
	"fmt"
	"sync"

	"github.com/cortexlinux/cortex-host/core/config"
	"github.com/cortexlinux/cortex-host/core/confine"
	"github.com/cortexlinux/cortex-host/core/journal"
	"github.com/cortexlinux/cortex-host/core/process"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/sdk"
)

// A house is the providers of one run: their lanes, the routes between them,
// and their processes.
type house struct {
	lanes   []route.Lane
	offers  []offer           // of the lanes, in the same order
	given   [][]journal.Field // their settings, as the journal tells them
	routes  route.Table
	secrets []string
	env     func(string) (string, bool)

	runDir    *process.RunDir
	processes []*process.Provider
	warming   sync.WaitGroup
}

// A chooser decides whom a run asks.
type chooser func(context.Context, *config.Config, *catalog) (offer, error)

// openHouse makes the lanes of a run: of the provider that is chosen, of those
// that the routes name, and of further ones that queries name. No process is
// started yet.
func (a *app) openHouse(ctx context.Context, c *config.Config, choose chooser, further ...string) (h *house, err error) {
	cat := a.newCatalog(c.Providers)
	h = &house{env: a.env}
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	_ = confine.HideSelf() // keys are about to be read; best effort, doctor tells
	if h.runDir, err = a.openRunDir(); err != nil {
		return h, err
	}
	// A provider that the command line or the environment names is asked
	// alone: routes are for those who leave it open.
	routed := len(c.Routes) > 0 && (c.Provider == "" || c.FromFile("provider"))
	if c.Provider != "" || (len(further) == 0 && !routed) {
		o, err := choose(ctx, c, cat)
		if err != nil {
			return h, err
		}
		if err := a.addLanes(ctx, h, c, o, true); err != nil {
			return h, err
		}
	}
	if routed {
		h.routes = route.Table{}
		for _, task := range sortedKeys(c.Routes) {
			h.routes[taskOf(task)] = c.Routes[task]
			further = append(further, c.Routes[task]...)
		}
	}
	for _, name := range further {
		if h.has(name) {
			continue
		}
		o, err := cat.find(ctx, name)
		if err != nil {
			return h, err
		}
		if err := a.addLanes(ctx, h, c, o, false); err != nil {
			return h, err
		}
	}
	return h, nil
}

// taskOf reads the key of a route.
func taskOf(key string) sdk.TaskType {
	if key == "*" {
		return route.AnyTask
	}
	return sdk.TaskType(key)
}

// has reports whether there is a lane, or a group of lanes, of that name.
func (h *house) has(name string) bool {
	for i := range h.lanes {
		if h.lanes[i].Group() == name {
			return true
		}
	}
	return false
}

// addLanes adds the lanes of an offer: one, or one for each of its keys. Model
// and base URL of the run are those of the chosen provider only.
func (a *app) addLanes(ctx context.Context, h *house, c *config.Config, o offer, chosen bool) error {
	explicit, err := o.explicit()
	if err != nil {
		return err
	}
	model := o.instance.Model
	if chosen {
		if c.BaseURL != "" {
			explicit[baseURL] = quoteJSON(c.BaseURL)
		}
		if c.Model != "" {
			model = c.Model
		}
	}
	if len(o.instance.Keys) == 0 {
		return a.addLane(h, c, o, o.name, model, explicit, nil)
	}
	property, err := o.keyProperty()
	if err != nil {
		return err
	}
	for i, k := range o.instance.Keys {
		key, err := a.readCredential(ctx, k)
		if err != nil {
			return err
		}
		name := o.name
		if len(o.instance.Keys) > 1 {
			name = fmt.Sprintf("%s-%d", o.name, i+1)
		}
		explicit[property] = quoteJSON(key)
		if err := a.addLane(h, c, o, name, model, explicit, a.renewable(k, property)); err != nil {
			return err
		}
	}
	return nil
}

// addLane adds one lane. renewable, if not nil, is how its key is got again.
func (a *app) addLane(h *house, c *config.Config, o offer, name, model string, explicit sdk.Settings, r *renewable) error {
	settings, err := o.settings(explicit, a.env)
	if err != nil {
		return err
	}
	a.findFiles(&o, settings)
	h.secrets = append(h.secrets, o.secretsIn(settings)...)
	a.warnOfOverride(o.plugin)
	cfg := a.processConfig(c, &o, name, settings)
	cfg.RunDir = h.runDir
	p, err := process.New(cfg)
	if err != nil {
		return err
	}
	if model == "" {
		model = o.model(settings)
	}
	h.processes = append(h.processes, p)
	h.offers = append(h.offers, o)
	h.given = append(h.given, o.openSettings(settings))
	h.lanes = append(h.lanes, route.Lane{
		Name: name, Instance: o.name, Provider: r.provider(p, settings), Vendor: vendorOf(&o, settings), Model: model,
		Local: o.local(settings), Free: o.free(), Limits: o.limits(), Models: o.about.Models,
	})
	return nil
}

// close ends the processes; each end is bounded.
func (h *house) close() {
	var ends sync.WaitGroup
	for _, p := range h.processes {
		ends.Go(func() { _ = p.Close() }) // whatever is wrong with it, it has ended
	}
	ends.Wait()
	h.warming.Wait()
	if h.runDir != nil {
		_ = h.runDir.Close() // what is left is swept by the next run
	}
}
