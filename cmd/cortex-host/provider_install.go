package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/cortexlinux/cortex-host/core/format"
	"github.com/cortexlinux/cortex-host/core/process"
	"github.com/cortexlinux/cortex-host/core/store"
	"github.com/cortexlinux/cortex-host/sdk"
)

func newProviderInstallCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "install SOURCE", Short: "Install a provider plugin and pin it in the lock file",
		Long: `Install a provider plugin from a program, an archive (.tar.gz, .zip), a directory
of either, or an https:// URL of an archive or of its list of checksums.

The list of checksums beside the source (SHA256SUMS, checksums.txt,
NAME_VERSION_SHA256SUMS) must have it; from a URL there must be one, or --sha256.
The plugin is asked what it is, confined: its name and version must be those of
its file. The lock file then has its hash, which every start checks.`,
		Example: `  cortex-host provider install ./dist
  cortex-host provider install https://example.com/v1.2.0/cortex-provider-acme_1.2.0_SHA256SUMS
  cortex-host provider install ./cortex-provider-mine --force`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] == "" {
				return usagef("", "from where? usage: %s", cmd.UseLine())
			}
			return nil
		},
	}
	var r store.Request
	cmd.Flags().StringVar(&r.Dir, "dir", "", "install into this `DIRECTORY` instead of your own plugin directory")
	cmd.Flags().StringVar(&r.Checksums, "checksums", "", "the `FILE` or URL of the list of checksums")
	cmd.Flags().StringVar(&r.SHA256, "sha256", "", "the `HASH` that SOURCE must have")
	cmd.Flags().BoolVar(&r.Force, "force", false, "replace other bytes of the same version")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r.Source = args[0]
		return a.installProvider(cmd.Context(), r)
	}
	return cmd
}

func (a *app) installProvider(ctx context.Context, r store.Request) (err error) {
	if r.Dir, err = a.pluginDir(r.Dir); err != nil {
		return err
	}
	s, err := a.store()
	if err != nil {
		return err
	}
	r.Describe = process.Identify
	done, err := s.Install(ctx, r)
	if err != nil {
		return &failure{err, "nothing was installed", exitFatal}
	}
	p, e := done.Plugin, done.Entry
	verb := "installed"
	if done.Replaced != "" {
		verb = "installed (replacing " + done.Replaced + ")"
	}
	fmt.Fprintf(a.stdout, "%s %s %s: %s\n", verb, p.Name, format.Inline(e.Version), format.Inline(p.Path))
	fmt.Fprintf(a.stdout, "sha256 %s, pinned in %s\n", p.Pin.SHA256, format.Inline(filepath.Join(r.Dir, store.LockName)))
	if done.Checked != "" {
		a.info("checked against %s", done.Checked)
	} else {
		a.info("nothing vouched for this file before now: what you have is what is pinned")
	}
	for _, what := range e.Uncovered {
		a.info("not covered by the hash: %s", what)
	}
	for _, what := range done.LeftOut {
		a.info("not installed: %s", what)
	}
	about, err := a.newCatalog(nil).describe(ctx, p)
	if err != nil {
		return err
	}
	a.info("takes from your environment: %s", orNothing(takes(p, about)))
	a.info("reads besides what every program needs: %s", orNothing(about.ReadPaths))
	a.info("sends to (declared, not enforced): %s", orNothing(about.EgressHosts))
	if found, err := s.Find(p.Name); err != nil || found.Path != p.Path {
		a.note("warning: %s is not among the directories that are looked through; %s adds it", r.Dir, envPluginPath)
	}
	return nil
}

// takes returns the environment variables that a plugin has the host read, of
// itself and of its presets.
func takes(p store.Plugin, about sdk.Description) []string {
	var names []string
	for _, o := range offers(p, about) {
		properties, err := o.properties()
		if err != nil {
			return []string{"what cannot be told: " + err.Error()}
		}
		for _, name := range sortedKeys(properties) {
			for _, variable := range o.variables(name, properties[name]) {
				if !slices.Contains(names, variable) {
					names = append(names, variable)
				}
			}
		}
	}
	return names
}

func orNothing(list []string) string {
	if len(list) == 0 {
		return "nothing"
	}
	return strings.Join(list, ", ")
}

// pluginDir is the directory that a command names, or the user's own.
func (a *app) pluginDir(named string) (string, error) {
	if named == "" {
		return a.userPlugins()
	}
	return filepath.Abs(named)
}

func newProviderRemoveCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "remove NAME", Short: "Remove an installed provider plugin",
		Example: "  cortex-host provider remove acme",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("`cortex-host provider list` shows what there is", "which provider? usage: %s", cmd.UseLine())
			}
			return nil
		},
	}
	dir := cmd.Flags().String("dir", "", "remove it from this `DIRECTORY` instead of your own plugin directory")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		from, err := a.pluginDir(*dir)
		if err != nil {
			return err
		}
		s, err := a.store()
		if err != nil {
			return err
		}
		if err := s.Remove(cmd.Context(), from, args[0]); err != nil {
			return usagef("plugins that came with cortex-host stay; `cortex-host provider list` shows what there is", "%w", err)
		}
		a.info("removed %s from %s", args[0], from)
		return nil
	}
	return cmd
}

// A verdict is what verification found out, as JSON.
type verdict struct {
	Name   string `json:"name,omitempty"`
	Path   string `json:"path,omitempty"`
	OK     bool   `json:"ok"`
	SHA256 string `json:"sha256,omitempty"`
	// Pin says what vouches for it.
	Pin store.Pin `json:"pin,omitzero"`
	// Held says how its bytes are kept from being changed while it runs.
	Held      string   `json:"held,omitempty"`
	Uncovered []string `json:"uncovered,omitempty"`
	Problem   string   `json:"problem,omitempty"`
}

func newProviderVerifyCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "verify [NAME...]", Short: "Check that plugins are what was pinned",
		Long: `Read each plugin and check it as a start does: its hash against the lock file or
this build, its file and directory against changes by others. What runs with it
and is not covered by the hash is shown.

Exit code 1 if there is a plugin that must not run.`,
		Example: "  cortex-host provider verify\n  cortex-host provider verify acme --json",
	}
	asJSON := cmd.Flags().Bool("json", false, "one JSON object a plugin")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		s, err := a.store()
		if err != nil {
			return err
		}
		found, err := s.Verify(args...)
		if err != nil {
			return err
		}
		return a.printVerdicts(found, *asJSON)
	}
	return cmd
}

func (a *app) printVerdicts(found []store.Verdict, asJSON bool) error {
	bad := 0
	table := tabwriter.NewWriter(a.stdout, 0, 8, 2, ' ', 0)
	for _, v := range found {
		row := verdict{Name: v.Plugin.Name, Path: v.Plugin.Path, OK: v.Err == nil, SHA256: v.SHA256, Pin: v.Plugin.Pin, Held: v.Held, Uncovered: v.Uncovered}
		if v.Err != nil {
			bad++
			row.Problem = v.Err.Error()
		}
		if asJSON {
			if err := a.printJSON(row); err != nil {
				return err
			}
			continue
		}
		if v.Err != nil {
			fmt.Fprintf(table, "REFUSED\t%s\t%s\n", v.Plugin.Name, format.Inline(v.Err.Error()))
			continue
		}
		fmt.Fprintf(table, "ok\t%s\t%s, sha256 %s, runs from %s\n", v.Plugin.Name, vouched(v.Plugin.Pin), v.SHA256, v.Held)
		for _, what := range v.Uncovered {
			fmt.Fprintf(table, "\t\tnot covered: %s\n", format.Inline(what))
		}
	}
	if err := outputError(table.Flush()); err != nil {
		return err
	}
	if bad > 0 {
		return &failure{fmt.Errorf("%d of %d plugins must not run", bad, len(found)), "install or build them again", exitFatal}
	}
	return nil
}
