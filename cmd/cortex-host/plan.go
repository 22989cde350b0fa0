package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/cortexlinux/cortex-host/core/config"
	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/journal"
	"github.com/cortexlinux/cortex-host/core/price"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/sdk"
)

// answering are the settings that decide the answers, beside lanes and routes:
// they may not change when a run is resumed. All others may.
var answering = map[string]bool{"temperature": true, "max_tokens": true}

// elsewhere are settings that lanes and routes say better.
var elsewhere = map[string]bool{"provider": true, "model": true, "routes": true, "providers": true}

// plan is what the journal records of a run.
func (a *app) plan(c *config.Config, h *house, flags *runFlags) journal.Plan {
	p := journal.Plan{
		Args:    a.args,
		Origin:  journal.Origin{Host: version},
		Secrets: h.secrets,
		Fixed:   laneFields(h),
		Limit:   flags.limit,
	}
	values := c.Values()
	for _, name := range sortedKeys(values) {
		field := journal.Field{Name: name, Value: openAddress(values[name].Text)}
		switch {
		case elsewhere[name]:
		case answering[name]:
			p.Fixed = append(p.Fixed, field)
		case c.Given(name):
			p.Free = append(p.Free, field)
		}
	}
	if flags.limit > 0 {
		p.Free = append(p.Free, journal.Field{Name: "limit", Value: fmt.Sprint(flags.limit)})
	}
	return p
}

// laneFields say who is asked: the lanes' models, once for all keys of an
// instance, the first one, and the routes.
func laneFields(h *house) []journal.Field {
	list := []journal.Field{{Name: "provider", Value: h.lanes[0].Group()}}
	seen := map[string]bool{}
	for i := range h.lanes {
		if name := h.lanes[i].Group(); !seen[name] {
			seen[name] = true
			list = append(list, journal.Field{Name: "model of " + name, Value: h.lanes[i].Model})
		}
	}
	for _, task := range sortedKeys(h.routes) {
		name := string(task)
		if task == route.AnyTask {
			name = "*"
		}
		list = append(list, journal.Field{Name: "route of " + name, Value: strings.Join(h.routes[task], ", ")})
	}
	return list
}

// laneOrigins say what the lanes are and what they cost.
func laneOrigins(c *config.Config, h *house, book *price.Book) []journal.Lane {
	list := make([]journal.Lane, len(h.lanes))
	for i := range h.lanes {
		l, o := &h.lanes[i], &h.offers[i]
		list[i] = journal.Lane{Name: l.Name, Provider: o.plugin.Name, Version: o.about.Version, Model: l.Model, Prices: pricesOf(c, h.lanes, l, book),
			Settings: h.given[i]}
		if hash, err := o.plugin.Hash(); err == nil { // else it will not start
			list[i].SHA256 = hash
		}
	}
	return list
}

// pricesOf says what a lane's answers cost and where that is from.
func pricesOf(c *config.Config, lanes []route.Lane, l *route.Lane, book *price.Book) string {
	p, known := executor.PriceOf(book, l, l.Model)
	switch {
	case l.Free:
		return "free"
	case !known:
		return "not known"
	}
	return perMillion(p) + " (" + priceSource(c, lanes, l, book) + ")"
}

func perMillion(p price.Price) string {
	const million = 1_000_000
	return fmt.Sprintf("%v in, %v out per million tokens", sdk.Money.Times(p.Input.PerToken, million), sdk.Money.Times(p.Output.PerToken, million))
}

// workDir is the directory that relative paths of the command line mean.
func workDir() string {
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	return dir
}
