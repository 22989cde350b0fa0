package main

import (
	"fmt"
	"os"

	"github.com/cortexlinux/cortex-host/core/config"
	"github.com/cortexlinux/cortex-host/core/journal"
)

// answering are the settings that decide the answers: they may not change when
// a run is resumed. All others may.
var answering = []string{"provider", "model", "temperature", "max_tokens"}

// plan is what the journal records of a run.
func (a *app) plan(c *config.Config, h *house, flags *runFlags) journal.Plan {
	p := journal.Plan{
		Args:    a.args,
		Origin:  journal.Origin{Host: version},
		Secrets: h.secrets,
	}
	fixed := map[string]bool{}
	for _, name := range answering {
		fixed[name] = true
	}
	values := c.Values()
	for _, name := range sortedKeys(values) {
		field := journal.Field{Name: name, Value: values[name].Text}
		switch {
		case name == "provider": // the one that was chosen, below
		case fixed[name]:
			p.Fixed = append(p.Fixed, field)
		case c.Given(name):
			p.Free = append(p.Free, field)
		}
	}
	p.Fixed = append(p.Fixed, journal.Field{Name: "provider", Value: h.lanes[0].Name})
	if flags.limit > 0 {
		p.Free = append(p.Free, journal.Field{Name: "limit", Value: fmt.Sprint(flags.limit)})
	}
	for i, l := range h.lanes {
		p.Origin.Lanes = append(p.Origin.Lanes, journal.Lane{
			Name: l.Name, Provider: h.offers[i].plugin.Name, Version: h.offers[i].about.Version, Model: l.Model,
		})
	}
	return p
}

// workDir is the directory that relative paths of the command line mean.
func workDir() string {
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	return dir
}
