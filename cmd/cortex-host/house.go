package main

import (
	"context"
	"encoding/json"
	"errors"
	"sync"

	"github.com/cortexlinux/cortex-host/core/config"
	"github.com/cortexlinux/cortex-host/core/price"
	"github.com/cortexlinux/cortex-host/core/process"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/sdk"
)

// A house is the providers of one run: their lanes and their processes.
type house struct {
	lanes   []route.Lane
	offers  []offer // of the lanes, in the same order
	secrets []string
	env     func(string) (string, bool)

	processes []*process.Provider
	warming   sync.WaitGroup
}

// openHouse makes the lane of the provider that choose picks, and of further
// ones that queries name. No process is started yet.
func (a *app) openHouse(ctx context.Context, c *config.Config, choose chooser, further ...string) (*house, error) {
	cat := a.newCatalog()
	h := &house{env: a.env}
	if c.Provider != "" || len(further) == 0 {
		o, err := choose(ctx, c, cat)
		if err != nil {
			return nil, err
		}
		if err := a.addLane(h, c, o, true); err != nil {
			return nil, err
		}
	}
	for _, name := range further {
		if len(h.lanes) > 0 && h.lanes[0].Name == name {
			continue
		}
		o, err := cat.find(ctx, name)
		if err != nil {
			h.close()
			return nil, err
		}
		if err := a.addLane(h, c, o, false); err != nil {
			h.close()
			return nil, err
		}
	}
	return h, nil
}

// A chooser decides whom a run asks.
type chooser func(context.Context, *config.Config, *catalog) (offer, error)

// addLane adds the lane of an offer. Model and base URL of the configuration
// are those of the chosen provider only.
func (a *app) addLane(h *house, c *config.Config, o offer, chosen bool) error {
	explicit := sdk.Settings{}
	if chosen && c.BaseURL != "" {
		explicit[baseURL] = quoteJSON(c.BaseURL)
	}
	settings, err := o.settings(explicit, a.env)
	if err != nil {
		return err
	}
	h.secrets = append(h.secrets, o.secretsIn(settings)...)
	p, err := a.newProcess(&o, settings)
	if err != nil {
		return err
	}
	h.processes = append(h.processes, p)
	lane := route.Lane{
		Name: o.name, Provider: p, Vendor: vendorOf(&o, settings), Model: o.model(settings),
		Local: o.local(settings), Free: o.free(), Limits: o.about.Limits, Models: o.about.Models,
	}
	if chosen && c.Model != "" {
		lane.Model = c.Model
	}
	h.lanes = append(h.lanes, lane)
	h.offers = append(h.offers, o)
	return nil
}

// unlisted is the vendor of servers that no price list knows.
const unlisted = "unlisted"

// vendorOf returns under which name the price list has an offer: what counts is
// whom it calls, not what the plugin is called.
func vendorOf(o *offer, s sdk.Settings) string {
	var base string
	if raw, ok := s[baseURL]; !ok || json.Unmarshal(raw, &base) != nil {
		return o.plugin.Name
	}
	if vendor := price.NewBook().Vendor(base); vendor != "" {
		return vendor
	}
	return unlisted
}

// secretsIn returns the values of secret settings, so that they can be kept out
// of everything that is written.
func (o *offer) secretsIn(s sdk.Settings) []string {
	properties, err := o.properties()
	if err != nil {
		return nil
	}
	var list []string
	for name, p := range properties {
		var text string
		if p.Secret && json.Unmarshal(s[name], &text) == nil && text != "" {
			list = append(list, text)
		}
	}
	return list
}

// close ends the processes; each end is bounded.
func (h *house) close() error {
	errs := make([]error, len(h.processes))
	var ends sync.WaitGroup
	for i, p := range h.processes {
		ends.Go(func() { errs[i] = p.Close() })
	}
	ends.Wait()
	h.warming.Wait()
	return errors.Join(errs...)
}
