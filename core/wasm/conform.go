package wasm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// A Conformance is what `generator test` found out about a module.
type Conformance struct {
	Generator string  `json:"generator"`
	Version   string  `json:"version"`
	SHA256    string  `json:"sha256"`
	Checks    []Check `json:"checks"`
	// Failed is how many of them failed.
	Failed int `json:"failed"`
}

// A Check is one thing that was tried.
type Check struct {
	// Name is stable.
	Name string `json:"name"`
	// What says what was tried, with the section of SPEC.md.
	What string `json:"what"`
	OK   bool   `json:"ok"`
	// Detail says what happened.
	Detail string `json:"detail,omitempty"`
	// Fix says how to mend it; only if it is not OK.
	Fix string `json:"fix,omitempty"`
}

// fixFirst is the advice where one fault shows in several checks.
const fixFirst = "mend that first"

// OK reports whether every check passed.
func (c *Conformance) OK() bool {
	return c.Failed == 0
}

// WriteText writes the report for people.
func (c *Conformance) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s (%.12s)\n", c.Generator, c.Version, c.SHA256)
	for _, k := range c.Checks {
		mark := "ok  "
		if !k.OK {
			mark = "FAIL"
		}
		fmt.Fprintf(&b, "%s  %-16s %s\n", mark, k.Name, k.What)
		if k.Fix == fixFirst {
			fmt.Fprintf(&b, "      %s: %s\n", k.Detail, k.Fix)
			continue
		}
		if k.Detail != "" {
			fmt.Fprintf(&b, "      %s\n", strings.ReplaceAll(k.Detail, "\n", "\n      "))
		}
		if k.Fix != "" {
			fmt.Fprintf(&b, "      fix: %s\n", k.Fix)
		}
	}
	fmt.Fprintf(&b, "%d of %d checks passed\n", len(c.Checks)-c.Failed, len(c.Checks))
	_, err := io.WriteString(w, b.String())
	return err
}

// Conform checks a module against the contract, as `generator test` does. The
// request gives preset, parameters and, if the default ones do not suit the
// generator, items (they are gone through several times). An error means that
// nothing could be checked.
func (r *Runner) Conform(ctx context.Context, m *Module, req Request) (*Conformance, error) {
	// An error tells what the module said on stderr; the rest is no news here.
	quiet := &Runner{config: r.config, cache: cache{dir: r.cache.dir}}
	quiet.config.Log = nil
	c := &conformer{ctx: ctx, runner: quiet, module: m, req: req,
		report: &Conformance{Generator: m.Name(), Version: m.Manifest.Version, SHA256: m.SHA256}}
	if c.req.Items == nil {
		c.req.Items = Texts("nginx", "bash", "CPU")
	}
	if err := r.Compile(ctx, m); err != nil {
		return nil, err
	}
	params, err := m.Params(req.Preset, req.Params)
	if err != nil {
		return nil, err
	}
	if c.header, err = r.header(ctx, m, req, params); err != nil {
		return nil, err
	}
	for _, check := range []func(){c.answers, c.deterministic, c.splitInput, c.unknownMembers, c.strangeItems, c.hugeItem,
		c.slowReader, c.earlyClose, c.slowWriter, c.noInput, c.badHeader, c.otherABI, c.cutInput} {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if check(); c.hangs {
			break
		}
	}
	for _, k := range c.report.Checks {
		if !k.OK {
			c.report.Failed++
		}
	}
	return c.report, nil
}

// A conformer tries things with one module.
type conformer struct {
	ctx    context.Context
	runner *Runner
	module *Module
	req    Request
	header []byte
	first  [][]byte // the records of the first run
	hangs  bool     // it does not end even on ordinary items
	silent bool     // it says nothing even about them
	report *Conformance
}

func (c *conformer) add(name, what string, err error, detail, fix string) {
	k := Check{Name: name, What: what, OK: err == nil, Detail: detail}
	if err != nil {
		k.Detail, k.Fix = err.Error(), fix
		// One fault shows in every check; then only the first advice is right.
		if first := c.report.Checks; len(first) > 0 && !first[0].OK && (first[0].Detail == k.Detail || c.silent && errors.Is(err, Silent)) {
			k.Detail, k.Fix = "the same as in "+first[0].Name, fixFirst
		}
	}
	c.report.Checks = append(c.report.Checks, k)
}

// run runs the module over items and returns its records.
func (c *conformer) run(items iter.Seq2[Item, error], pause time.Duration) (records [][]byte, err error) {
	req := c.req
	req.Items = items
	return c.take(req, pause)
}

// take makes a request and returns the records that come.
func (c *conformer) take(req Request, pause time.Duration) (records [][]byte, err error) {
	req.Record = func(line []byte) { records = append(records, bytes.Clone(line)) }
	n := 0
	for _, err := range c.runner.Generate(c.ctx, c.module, req) {
		var item *sdk.ItemError
		if err != nil && !errors.As(err, &item) {
			return records, err
		}
		if n++; pause > 0 && n%16 == 0 {
			time.Sleep(pause)
		}
	}
	return records, nil
}

// raw hands the guest any bytes as its input, at most readBytes at once if that
// is not 0.
func (c *conformer) raw(input []byte, readBytes int) (records [][]byte, err error) {
	limits, fail := c.runner.config.Limits.forModule(c.module)
	if fail != nil {
		return nil, fail
	}
	limits.QueriesPerItem = 1 << 20 // the host does not know the items of a raw input
	s := &session{runner: c.runner, module: c.module, limits: limits, items: pull(c.ctx, nil, 0), readBytes: readBytes,
		yield: func(sdk.Query, error) bool { return true },
		tap:   func(line []byte) { records = append(records, bytes.Clone(line)) }}
	return records, s.run(c.ctx, input, c.runner.cache.entry(c.module))
}

// input builds the whole input for the request's items.
func (c *conformer) input(header []byte) []byte {
	b := slices.Clone(header)
	for item, err := range c.req.Items {
		if err == nil {
			b = appendItem(b, item, nil)
		}
	}
	return b
}
