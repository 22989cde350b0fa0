package main

import (
	"context"
	"strings"

	"github.com/cortexlinux/cortex-host/core/config"
	"github.com/cortexlinux/cortex-host/core/format"
)

// The providers that are chosen when no key points to another one.
const (
	ollamaPreset  = "ollama"
	offlinePlugin = "offline"
)

// chooseProvider decides whom a run asks, and says why if the command line does
// not: the configured default, else the one provider whose key is there, else
// a running Ollama, else offline.
func (a *app) chooseProvider(ctx context.Context, c *config.Config, cat *catalog) (offer, error) {
	if c.Provider != "" {
		o, err := cat.find(ctx, c.Provider)
		if err == nil && c.Origin("provider") != "--provider" {
			a.info("provider: %s (%s)", o.name, c.Origin("provider"))
		}
		return o, err
	}
	all, err := cat.all(ctx)
	if err != nil {
		return offer{}, err
	}
	var keyed []offer
	var reasons []string
	for _, o := range all {
		if variables, set := o.keys(a.env); set {
			keyed = append(keyed, o)
			reasons = append(reasons, o.name+" ("+variables[0]+")")
		}
	}
	switch {
	case len(keyed) == 1:
		a.info("provider: %s, because its key is in the environment", reasons[0])
		return keyed[0], nil
	case len(keyed) > 1:
		return offer{}, usagef("choose one with --provider NAME, or set provider in "+config.FileName,
			"the keys of several providers are in the environment: %s", strings.Join(reasons, ", "))
	}
	for _, o := range all {
		if o.name == ollamaPreset && a.takeOllama(ctx, c, &o) {
			return o, nil
		}
	}
	for _, o := range all {
		if o.name == offlinePlugin {
			a.info("provider: offline, because no provider's key is in the environment and no Ollama runs; it reports what this machine knows, without a model")
			return o, nil
		}
	}
	return offer{}, usagef("choose one with --provider NAME; `cortex-host provider list` shows them", "no provider was chosen, and none chooses itself")
}

// mustHaveProvider is the choice of batch: it never picks by itself.
func (a *app) mustHaveProvider(ctx context.Context, c *config.Config, cat *catalog) (offer, error) {
	if c.Provider == "" {
		return offer{}, usagef("choose one with --provider NAME, or set provider in "+config.FileName+"; `cortex-host provider list` shows them",
			"batch does not choose a provider by itself")
	}
	return a.chooseProvider(ctx, c, cat)
}

// takeOllama reports whether an Ollama runs on this machine that has a model to
// ask: the one that the configuration names, else the one used last.
func (a *app) takeOllama(ctx context.Context, c *config.Config, o *offer) bool {
	s, err := o.settings(nil, a.env)
	if err != nil || !o.local(s) {
		return false
	}
	models, err := ollamaModels(ctx, s)
	if err != nil {
		return false
	}
	const why = "because it runs on this machine and no provider's key is in the environment"
	switch {
	case c.Model != "":
		a.info("provider: ollama, %s", why)
	case len(models) == 0:
		a.info("an Ollama runs on this machine, but has no model; `ollama pull MODEL` gets one")
		return false
	default:
		o.instance.Model = models[0]
		a.info("provider: ollama with %s, %s; --model chooses another of its models", format.Inline(models[0]), why)
	}
	return true
}
