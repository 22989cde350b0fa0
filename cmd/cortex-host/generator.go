package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/cortexlinux/cortex-host/core/format"
	"github.com/cortexlinux/cortex-host/core/wasm"
)

func newGeneratorCommand(a *app) *cobra.Command {
	return group("generator", "List, describe, test and make generators",
		newGeneratorListCommand(a), newGeneratorDescribeCommand(a), newGeneratorInspectCommand(a),
		newGeneratorTestCommand(a), newGeneratorNewCommand(a), newGeneratorPackCommand(a))
}

func newGeneratorListCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List the generators that are there", Args: cobra.NoArgs,
		Example: "  cortex-host generator list\n  cortex-host generator list --json",
	}
	asJSON := cmd.Flags().Bool("json", false, "one JSON object a generator")
	cmd.RunE = func(*cobra.Command, []string) error {
		table := tabwriter.NewWriter(a.stdout, 0, 8, 2, ' ', 0)
		for _, path := range a.generatorPaths() {
			m, err := wasm.Open(path)
			if err != nil {
				a.note("warning: %s: %v", path, err)
				continue
			}
			if *asJSON {
				if err := a.printJSON(generatorView(m)); err != nil {
					return err
				}
				continue
			}
			fmt.Fprintf(table, "%s\t%s\t%s\n", format.Inline(m.Manifest.Name), format.Inline(m.Manifest.Version), format.Shorten(m.Manifest.Summary, 100))
		}
		return outputError(table.Flush())
	}
	return cmd
}

func newGeneratorDescribeCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "describe GENERATOR", Short: "Show a generator's parameters, presets and facts", Args: wantGenerator,
		Example: "  cortex-host generator describe package\n  cortex-host generator describe ./mine.wasm --json",
	}
	asJSON := cmd.Flags().Bool("json", false, "print it as JSON")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		m, err := a.openGenerator(args[0])
		if err != nil {
			return err
		}
		if *asJSON {
			return a.printJSON(generatorView(m))
		}
		return a.describeGenerator(m)
	}
	return cmd
}

// A moduleView is what describe tells of a generator as JSON.
type moduleView struct {
	Path     string        `json:"path"`
	SHA256   string        `json:"sha256"`
	Bytes    int64         `json:"bytes"`
	Manifest wasm.Manifest `json:"manifest"`
}

func generatorView(m *wasm.Module) moduleView {
	return moduleView{Path: m.Path, SHA256: m.SHA256, Bytes: m.Size(), Manifest: m.Manifest}
}

func (a *app) describeGenerator(m *wasm.Module) error {
	w := tabwriter.NewWriter(a.stdout, 0, 8, 2, ' ', 0)
	writeManifest(w, m)
	return outputError(w.Flush())
}

// writeManifest tells what a module says of itself.
func writeManifest(w io.Writer, m *wasm.Module) {
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%s\t%s\n", name, format.Inline(value))
		}
	}
	line("name", m.Manifest.Name)
	line("version", m.Manifest.Version)
	line("summary", m.Manifest.Summary)
	line("file", m.Path)
	line("sha256", m.SHA256)
	items := m.Manifest.Items.Description
	if m.Manifest.Items.Optional {
		items += " (optional)"
	}
	line("items", items)
	for i, fact := range m.Manifest.Facts {
		line([]string{"facts", ""}[min(i, 1)], fact)
	}
	var schema struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	_ = json.Unmarshal(m.Manifest.Params, &schema) // it was found to be a schema
	for i, name := range sortedKeys(schema.Properties) {
		var p struct {
			Description string          `json:"description"`
			Default     json.RawMessage `json:"default"`
		}
		_ = json.Unmarshal(schema.Properties[name], &p) // true and false are schemas too
		text := name + ": " + p.Description
		if len(p.Default) > 0 {
			text += " (default " + format.Shorten(string(p.Default), 60) + ")"
		}
		line([]string{"parameters", ""}[min(i, 1)], text)
	}
	for i, p := range m.Manifest.Presets {
		line([]string{"presets", ""}[min(i, 1)], p.Name+": "+p.Summary)
	}
}

func newGeneratorPackCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "pack --manifest FILE -o OUT IN", Short: "Put a manifest into a WebAssembly module",
		Long: `Put a manifest into a WebAssembly module (its custom section cortex.manifest),
in place of any that it had. The module must be a WASI preview 1 command.`,
		Example: "  cortex-host generator pack --manifest manifest.json -o mine.wasm target/mine.wasm",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("", "which module? usage: %s", cmd.UseLine())
			}
			return nil
		},
	}
	manifest := cmd.Flags().String("manifest", "", "the manifest, a JSON `FILE`")
	out := cmd.Flags().StringP("output", "o", "", "write the packed module to this `FILE`")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		if *manifest == "" || *out == "" {
			return usagef("usage: cortex-host generator pack --manifest FILE -o OUT IN", "--manifest and -o are both needed")
		}
		module, err := os.ReadFile(args[0])
		if err != nil {
			return usagef("", "the module: %w", err)
		}
		description, err := os.ReadFile(*manifest)
		if err != nil {
			return usagef("", "the manifest: %w", err)
		}
		packed, err := wasm.Pack(module, description)
		if err != nil {
			return withHint(fmt.Errorf("%s with %s: %w", args[0], *manifest, err), "sdk/generator/SPEC.md says in section 8 what a manifest holds")
		}
		return replaceFile(*out, packed, 0o644)
	}
	return cmd
}
