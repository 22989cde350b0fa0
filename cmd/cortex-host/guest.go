package main

import (
	"context"
	"encoding/json"
	"io"
	"iter"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cortexlinux/cortex-host/core/config"
	"github.com/cortexlinux/cortex-host/core/format"
	"github.com/cortexlinux/cortex-host/core/wasm"
	"github.com/cortexlinux/cortex-host/sdk"
)

// guestFlags are the flags of commands that run a generator.
type guestFlags struct {
	input  string
	params []string
	preset string
	seed   int64
}

func addGuestFlags(cmd *cobra.Command) *guestFlags {
	g := &guestFlags{}
	cmd.Flags().StringVar(&g.input, "input", "", "read items from `FILE` (- is stdin): lines, or one JSON object a line")
	cmd.Flags().StringArrayVar(&g.params, "param", nil, "set a parameter of the generator: `KEY=VALUE` or KEY=@FILE; may be repeated")
	cmd.Flags().StringVar(&g.preset, "preset", "", "use this `PRESET` of the generator's parameters")
	cmd.Flags().Int64Var(&g.seed, "seed", 0, "a `NUMBER` for whatever the generator wants to vary")
	return g
}

// A guest is a generator with all that it is given.
type guest struct {
	module  *wasm.Module
	runner  *wasm.Runner
	request wasm.Request
	close   func()
	// repeatable says that the items can be gone through more than once.
	repeatable bool
}

// openGuest checks everything that can be checked before the generator runs.
func (a *app) openGuest(c *config.Config, g *guestFlags, name string, args []string) (*guest, error) {
	module, err := a.openGenerator(name)
	if err != nil {
		return nil, err
	}
	params, err := g.parameters(module)
	if err != nil {
		return nil, err
	}
	if _, err := module.Params(g.preset, params); err != nil {
		return nil, &failure{err, "`cortex-host generator describe " + format.Inline(name) + "` shows parameters and presets", exitUsage}
	}
	runner, err := a.newRunner(c)
	if err != nil {
		return nil, err
	}
	out := &guest{module: module, runner: runner, close: func() {}, repeatable: true,
		request: wasm.Request{Preset: g.preset, Params: params, Seed: g.seed}}
	switch {
	case len(args) > 0 && g.input != "":
		return nil, usagef("give items as arguments or with --input, not both", "%d items and --input %s", len(args), g.input)
	case len(args) > 0:
		out.request.Items, out.request.Total = argumentItems(args), int64(len(args))
	case g.input != "":
		file, err := a.open(g.input)
		if err != nil {
			return nil, err
		}
		out.close = func() { file.Close() }
		out.request.Items, out.repeatable = fileItems(file, g.input), false
		if f, ok := file.(*os.File); ok && isRegular(f) {
			out.request.Items, out.repeatable = reopened(g.input), true
		}
	case !module.Manifest.Items.Optional:
		what := module.Manifest.Items.Description
		if what == "" {
			what = "items"
		}
		return nil, usagef("write them after the name, or use --input FILE (- is stdin)", "generator %s needs %s", module.Name(), what)
	}
	return out, nil
}

// queries runs the generator.
func (g *guest) queries(ctx context.Context) iter.Seq2[sdk.Query, error] {
	return g.runner.Generate(ctx, g.module, g.request)
}

// parameters reads --param. A value is JSON where the parameter's schema wants
// something else than a string.
func (g *guestFlags) parameters(m *wasm.Module) (map[string]json.RawMessage, error) {
	params := map[string]json.RawMessage{}
	for _, p := range g.params {
		name, value, ok := strings.Cut(p, "=")
		if !ok || name == "" {
			return nil, usagef("write --param key=value", "--param %q has no value", p)
		}
		value, err := textOrFile("param "+name, value)
		if err != nil {
			return nil, err
		}
		params[name] = paramJSON(m, name, value)
	}
	return params, nil
}

// argumentItems are items of the command line: JSON objects or texts.
func argumentItems(args []string) iter.Seq2[wasm.Item, error] {
	return func(yield func(wasm.Item, error) bool) {
		for _, arg := range args {
			item := wasm.Item{Text: arg}
			if strings.HasPrefix(arg, "{") && json.Valid([]byte(arg)) {
				item = wasm.Item{JSON: json.RawMessage(arg)}
			}
			if !yield(item, nil) {
				return
			}
		}
	}
}

func fileItems(r io.Reader, name string) iter.Seq2[wasm.Item, error] {
	return func(yield func(wasm.Item, error) bool) {
		for item, err := range format.Items(r, format.Input{Name: inputName(name)}) {
			if !yield(wasm.Item{Text: item.Text, JSON: item.JSON}, err) {
				return
			}
		}
	}
}

// reopened are the items of a file, which is opened for each time that they are
// gone through: one that has ended may still be about to read.
func reopened(name string) iter.Seq2[wasm.Item, error] {
	return func(yield func(wasm.Item, error) bool) {
		f, err := os.Open(name)
		if err != nil {
			yield(wasm.Item{}, err)
			return
		}
		defer f.Close()
		fileItems(f, name)(yield)
	}
}

// open opens an input by name; - is stdin.
func (a *app) open(name string) (io.ReadCloser, error) {
	if name == "-" {
		a.stdinTaken = true
		return io.NopCloser(a.stdin), nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, usagef("name a file that can be read, or - for stdin", "%w", err)
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		f.Close()
		return nil, usagef("name a file", "%s is a directory", name)
	}
	return f, nil
}

func inputName(name string) string {
	if name == "-" {
		return "stdin"
	}
	return name
}
