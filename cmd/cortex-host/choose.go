package main

import (
	"context"
	"encoding/json"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/cortexlinux/cortex-host/core/config"
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
		if o.name == ollamaPreset && a.answers(ctx, &o) {
			a.info("provider: ollama, because it runs on this machine and no provider's key is in the environment")
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

// answers reports whether something listens at the offer's base URL.
func (a *app) answers(ctx context.Context, o *offer) bool {
	s, err := o.settings(nil, a.env)
	if err != nil || !o.local(s) {
		return false
	}
	var base string
	if json.Unmarshal(s[baseURL], &base) != nil {
		return false
	}
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	u, err := url.Parse(base)
	if err != nil {
		return false
	}
	host, port := u.Hostname(), u.Port()
	if port == "" {
		port = "11434"
	}
	dialer := net.Dialer{Timeout: 200 * time.Millisecond}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return false
	}
	conn.Close()
	return true
}
