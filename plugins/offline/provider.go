package main

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider"
)

var _ provider.Plugin = (*Provider)(nil)

// Provider is the plugin. The zero value works with the default settings. It
// is safe for concurrent use.
type Provider struct {
	machine atomic.Pointer[machine]
}

// Configure implements provider.Plugin. Calls that are under way keep the
// settings they began with.
func (p *Provider) Configure(_ context.Context, raw sdk.Settings) error {
	s, err := readSettings(raw)
	if err != nil {
		return err
	}
	p.machine.Store(newMachine(s))
	return nil
}

// Complete implements sdk.Provider.
func (p *Provider) Complete(ctx context.Context, q *sdk.Query) (*sdk.Response, error) {
	m := p.machine.Load()
	if m == nil {
		if err := p.Configure(ctx, nil); err != nil {
			return nil, err
		}
		m = p.machine.Load()
	}
	began := m.now()
	s, err := m.answer(ctx, q)
	if err != nil {
		return nil, outcome(ctx, err)
	}
	model := q.Model
	if model == "" {
		model = modelName
	}
	return &sdk.Response{
		Content: s.String(), Model: model, ModelServed: modelName,
		Usage: new(sdk.Usage), Cost: new(sdk.Money), FinishReason: sdk.Stop, Latency: m.now().Sub(began),
	}, nil
}

// outcome makes an error of the contract out of any other: a call that was
// given up is in doubt, a tool that failed is this plugin's failure.
func outcome(ctx context.Context, err error) error {
	kind := sdk.Internal
	if ctx.Err() != nil {
		kind = sdk.InDoubt
	}
	return sdk.AsError(err, kind)
}

// A machine is what questions are answered from: its tools and its files. It
// is safe for concurrent use.
type machine struct {
	settings
	tools runner
	root  string // where its files are, / but in tests
	now   func() time.Time

	manager manager // of packages; nil if there is none
	live    memo[*running]
}

// fresh is how long what changes by the second is kept: long enough for the
// queries of one batch to share it.
const fresh = 2 * time.Second

func newMachine(s settings) *machine {
	m := &machine{settings: s, tools: newExecRunner(s.timeout, s.atOnce), root: "/", now: time.Now}
	m.manager = m.findManager()
	return m
}

// moment is a stamp that changes every so often.
func (m *machine) moment() string { return m.now().Truncate(fresh).String() }
