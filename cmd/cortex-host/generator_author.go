package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/cortexlinux/cortex-host/core/format"
	"github.com/cortexlinux/cortex-host/core/wasm"
	"github.com/cortexlinux/cortex-host/core/wasm/scaffold"
)

func newGeneratorNewCommand(a *app) *cobra.Command {
	languages := strings.Join(scaffold.Languages(), "|")
	cmd := &cobra.Command{
		Use: "new NAME", Short: "Begin a generator of your own",
		Long: `Write a small project for a new generator into a directory of its name: source,
manifest, a build line, a test and a README.`,
		Example: "  cortex-host generator new capitals --lang go",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("", "which name? usage: %s", cmd.UseLine())
			}
			return nil
		},
	}
	lang := cmd.Flags().String("lang", "go", "the language: `"+languages+"`")
	dir := cmd.Flags().String("dir", "", "write into this `DIRECTORY` instead of NAME")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		into := *dir
		if into == "" {
			into = args[0]
		}
		files, err := scaffold.Write(into, args[0], *lang)
		if err != nil {
			return usagef("see `cortex-host generator new --help`", "%w", err)
		}
		for _, file := range files {
			a.info("wrote %s", file)
		}
		a.info("next: read %s", filepath.Join(into, "README.md"))
		return nil
	}
	return cmd
}

func newGeneratorTestCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "test GENERATOR [ITEM...]", Short: "Check a generator against the contract", Args: wantGenerator,
		Long: `Check a generator against the contract: records, determinism, malformed and huge
input, an early end, back-pressure. Exit code 3 if it does not conform.`,
		Example: "  cortex-host generator test ./mine.wasm\n  cortex-host generator test ./mine.wasm --json",
	}
	s := settingFlags(a, cmd, runnerKeys...)
	flags := addGuestFlags(cmd)
	asJSON := cmd.Flags().Bool("json", false, "print the report as JSON")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := s.load()
		if err != nil {
			return err
		}
		if !c.Given("generator_timeout") {
			c.GeneratorTimeout = 10 * time.Second // a test is for somebody who waits
		}
		module, err := a.openGenerator(args[0])
		if err != nil {
			return err
		}
		params, err := flags.parameters(module)
		if err != nil {
			return err
		}
		runner, err := a.newRunner(c)
		if err != nil {
			return err
		}
		request := wasm.Request{Preset: flags.preset, Params: params, Seed: flags.seed}
		if len(args) > 1 {
			request.Items = argumentItems(args[1:])
		}
		report, err := runner.Conform(cmd.Context(), module, request)
		if err != nil {
			return err
		}
		if *asJSON {
			err = a.printJSON(report)
		} else {
			err = a.printReport(report.WriteText)
		}
		if err == nil && !report.OK() {
			return &failure{fmt.Errorf("generator %s does not conform", module.Name()), "each check that failed says how to mend it", exitFailed}
		}
		return err
	}
	return cmd
}

func newGeneratorInspectCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "inspect GENERATOR", Short: "Show a generator's imports, size, hash and speed", Args: wantGenerator,
		Example: "  cortex-host generator inspect ./mine.wasm",
	}
	asJSON := cmd.Flags().Bool("json", false, "print it as JSON")
	s := settingFlags(a, cmd, runnerKeys...)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := s.load()
		if err != nil {
			return err
		}
		module, err := a.openGenerator(args[0])
		if err != nil {
			return err
		}
		runner, err := a.newRunner(c)
		if err != nil {
			return err
		}
		found, err := runner.Inspect(cmd.Context(), module)
		if err != nil {
			return err
		}
		if *asJSON {
			return a.printJSON(found)
		}
		return a.describeInspection(module, found)
	}
	return cmd
}

func (a *app) describeInspection(m *wasm.Module, found *wasm.Inspection) error {
	w := tabwriter.NewWriter(a.stdout, 0, 8, 2, ' ', 0)
	line := func(name, message string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\n", name, format.Inline(fmt.Sprintf(message, args...)))
	}
	writeManifest(w, m)
	line("abi", "%d", found.Manifest.ABI)
	if l := found.Manifest.Limits; l != (wasm.ManifestLimits{}) {
		line("limits", "%s of memory, %s an item", limitText(l.MemoryMB, "MiB"), limitText(l.QueriesPerItem, "queries"))
	}
	line("size", "%d bytes", found.Bytes)
	line("imports", "%s", strings.Join(found.Imports, ", "))
	if found.CompileSeconds > 0 {
		line("compiling", "%.2f s, once", found.CompileSeconds)
	}
	if found.Problem != "" {
		line("problem", "%s", found.Problem)
	} else {
		line("start", "%.0f ms", found.StartSeconds*1000)
		line("speed", "%.0f items per second", found.ItemsPerSecond)
	}
	return outputError(w.Flush())
}

// limitText writes what a manifest asks for.
func limitText(n int, unit string) string {
	if n == 0 {
		return "the operator's number of " + unit
	}
	return fmt.Sprintf("%d %s", n, unit)
}
