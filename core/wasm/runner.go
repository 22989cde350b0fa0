package wasm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"slices"

	"github.com/cortexlinux/cortex-host/sdk"
)

// A Runner runs generators. It is safe for concurrent use; each run has a
// child of its own.
type Runner struct {
	config Config
	cache  cache
}

// NewRunner checks the configuration and makes the cache directory.
func NewRunner(c Config) (*Runner, error) {
	c.Limits = c.Limits.withDefaults()
	if err := c.Limits.validate(); err != nil {
		return nil, fmt.Errorf("wasm: %w", err)
	}
	if c.Confinement != ConfineStandard && c.Confinement != ConfineOff {
		return nil, fmt.Errorf("wasm: confinement %q is unknown; %q or %q", c.Confinement, ConfineStandard, ConfineOff)
	}
	dir, err := cacheDir(c.CacheDir)
	if err != nil {
		return nil, fmt.Errorf("wasm: %w", err)
	}
	return &Runner{config: c, cache: cache{dir: dir}}, nil
}

// Generate runs the module over the items and returns its queries as they
// come. A failure of one item is an [*sdk.ItemError], after which the sequence
// goes on; any other error is the last: an [*Error], the error of ctx, or the
// one that Items ended with.
//
// Queries are pulled: a guest that is ahead of its reader stops. Items is
// called from another goroutine; if it blocks when the run ends, it is left
// behind until its next yield.
func (r *Runner) Generate(ctx context.Context, m *Module, req Request) iter.Seq2[sdk.Query, error] {
	return func(yield func(sdk.Query, error) bool) {
		open := true
		err := r.generate(ctx, m, req, func(q sdk.Query, err error) bool {
			open = yield(q, err)
			return open
		})
		if err != nil && open {
			yield(sdk.Query{}, err)
		}
	}
}

// Compile compiles the module into the cache, unless it is there already.
func (r *Runner) Compile(ctx context.Context, m *Module) error {
	limits, fail := r.config.Limits.forModule(m)
	if fail != nil {
		return fail.named(m.Name())
	}
	_, err := r.compile(ctx, m, limits)
	return err
}

// generate runs the module; it returns the error that ends the sequence.
func (r *Runner) generate(ctx context.Context, m *Module, req Request, yield func(sdk.Query, error) bool) error {
	limits, fail := r.config.Limits.forModule(m)
	if fail != nil {
		return fail.named(m.Name())
	}
	params, err := m.Params(req.Preset, req.Params)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	items := pull(ctx, req.Items, limits.ItemBytes)
	defer items.stop()
	if !m.Manifest.Items.Optional {
		// Without an item there is nothing to ask, and no guest to start.
		if some, err := items.some(ctx); err != nil || !some {
			if e, ok := errors.AsType[*Error](err); ok {
				err = e.named(m.Name())
			}
			return passOn(items, yield, err)
		}
	}
	header, err := r.header(ctx, m, req, params)
	if err != nil {
		return err
	}
	entry, err := r.compile(ctx, m, limits)
	if err != nil {
		return err
	}
	s := &session{runner: r, module: m, limits: limits, items: items, seed: req.Seed, yield: yield, tap: req.Record, ended: req.ended}
	err = s.run(ctx, header, entry)
	if errors.Is(err, InvalidModule) {
		// It was compiled without complaint, so what was kept of that is broken.
		if os.RemoveAll(entry) == nil {
			err = failf(ChildFailed, "its compiled form in the cache was broken and has been removed: run it again").named(m.Name())
		}
	}
	return err
}

// passOn yields the failed items of an input that holds nothing else.
func passOn(items *puller, yield func(sdk.Query, error) bool, err error) error {
	for _, e := range append(items.failed(), items.unfitted()...) {
		if !yield(sdk.Query{}, e) {
			return nil
		}
	}
	return err
}

// header is the first record that a guest reads.
type header struct {
	ABI    int                        `json:"abi"`
	Kind   string                     `json:"kind"`
	Name   string                     `json:"name"`
	Params map[string]json.RawMessage `json:"params"`
	Facts  map[string]json.RawMessage `json:"facts"`
	Total  *int64                     `json:"total,omitempty"`
	Seed   int64                      `json:"seed"`
}

func (r *Runner) header(ctx context.Context, m *Module, req Request, params map[string]json.RawMessage) ([]byte, error) {
	h := header{ABI: m.Manifest.ABI, Kind: m.Manifest.Kind, Name: m.Manifest.Name,
		Params: params, Facts: map[string]json.RawMessage{}, Seed: req.Seed}
	if req.Seed < 0 || req.Seed >= 1<<53 {
		return nil, failf(InvalidParams, "the seed is %d; use 0 to 2^53-1", req.Seed).named(m.Name())
	}
	if req.Total > 0 {
		h.Total = &req.Total
	}
	for _, name := range m.Manifest.Facts {
		if name == FactPackage || !r.gives(m, name) {
			continue
		}
		fact, err := r.config.Facts.Machine(ctx, name)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil: // a fact less is no reason to ask nothing
			if r.config.Log != nil {
				r.config.Log(m.Name(), fmt.Sprintf("the host knows nothing of %s: %v", name, err))
			}
		case len(fact) > 0:
			h.Facts[name] = fact
		}
	}
	line, err := marshal(h)
	if err != nil {
		return nil, failf(InvalidParams, "%v", err).named(m.Name())
	}
	return append(plainTexts(line), '\n'), nil
}

// gives reports whether guests of this module get the fact: they ask for it,
// the operator allows it, and somebody collects it.
func (r *Runner) gives(m *Module, fact string) bool {
	allowed := r.config.Allow.Facts == nil || slices.Contains(r.config.Allow.Facts, fact)
	return r.config.Facts != nil && allowed && m.Manifest.wants(fact)
}
