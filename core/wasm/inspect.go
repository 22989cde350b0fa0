package wasm

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// An Inspection is what `generator inspect` shows of a module.
type Inspection struct {
	Manifest Manifest `json:"manifest"`
	SHA256   string   `json:"sha256"`
	Bytes    int64    `json:"bytes"`
	// Imports are the functions that it imports, in order.
	Imports []string `json:"imports"`
	// Params are the parameters as they are without any given.
	Params map[string]json.RawMessage `json:"params,omitempty"`
	// CompileSeconds is how long compiling took; 0 if it was done before.
	CompileSeconds float64 `json:"compile_seconds,omitempty"`
	// StartSeconds is how long one run over one item took.
	StartSeconds float64 `json:"start_seconds,omitempty"`
	// ItemsPerSecond is its throughput over plain items.
	ItemsPerSecond float64 `json:"items_per_second,omitempty"`
	// Problem says why it could not be measured.
	Problem string `json:"problem,omitempty"`
}

// Inspect describes a module and measures it, without facts.
func (r *Runner) Inspect(ctx context.Context, m *Module) (*Inspection, error) {
	i := &Inspection{Manifest: m.Manifest, SHA256: m.SHA256, Bytes: m.Size()}
	for _, im := range m.Imports {
		i.Imports = append(i.Imports, im.Name)
	}
	slices.Sort(i.Imports)
	i.Imports = slices.Compact(i.Imports) // compilers may write one twice
	var err error
	if i.Params, err = m.Params("", nil); err != nil {
		i.Problem = err.Error()
		return i, nil
	}
	start := time.Now()
	if err := r.Compile(ctx, m); err != nil {
		return nil, err
	}
	if took := time.Since(start); took > 5*time.Millisecond {
		i.CompileSeconds = took.Seconds()
	}
	// What the machine's package tools take is not the module's.
	alone := &Runner{config: r.config, cache: cache{dir: r.cache.dir}}
	alone.config.Facts = nil
	i.StartSeconds, err = alone.measure(ctx, m, 1)
	for n := many * 5; err == nil; n *= 10 {
		var seconds float64
		seconds, err = alone.measure(ctx, m, n)
		i.ItemsPerSecond = float64(n) / max(seconds-i.StartSeconds, 1e-6)
		if seconds > 10*i.StartSeconds || n >= 1_000_000 {
			break // the start does not matter any more
		}
	}
	if err != nil {
		i.Problem, i.ItemsPerSecond = err.Error(), 0
	}
	return i, ctx.Err()
}

// measure runs a module over n items and returns how long it took.
func (r *Runner) measure(ctx context.Context, m *Module, n int) (float64, error) {
	start := time.Now()
	for _, err := range r.Generate(ctx, m, Request{Items: manyItems(n)}) {
		var item *sdk.ItemError
		if err != nil && !errors.As(err, &item) {
			return 0, err
		}
	}
	return time.Since(start).Seconds(), nil
}
