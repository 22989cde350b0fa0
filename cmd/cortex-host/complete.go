package main

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cortexlinux/cortex-host/core/config"
	"github.com/cortexlinux/cortex-host/core/format"
	"github.com/cortexlinux/cortex-host/core/journal"
	"github.com/cortexlinux/cortex-host/core/wasm/scaffold"
)

// A completer lists what could stand at a place of the command line: a word, or
// a word, a tab and what it means.
type completer = cobra.CompletionFunc

// addCompletion lets the shell complete names that only this machine knows:
// generators, providers, models, runs.
func addCompletion(a *app, root *cobra.Command) {
	first := func(c completer) completer {
		return func(cmd *cobra.Command, args []string, part string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return c(cmd, args, part)
		}
	}
	plain := func(c completer) completer {
		return func(cmd *cobra.Command, args []string, part string) ([]string, cobra.ShellCompDirective) {
			list, directive := c(cmd, args, part)
			return slices.DeleteFunc(list, unfit), directive
		}
	}
	arguments := map[string]completer{
		"run": first(a.completeGenerator), "generate": first(a.completeGenerator),
		"generator describe": first(a.completeGenerator), "generator inspect": first(a.completeGenerator), "generator test": first(a.completeGenerator),
		"provider describe": first(a.completeProvider), "provider models": first(a.completeProvider), "provider check": first(a.completeProvider),
		"report": first(a.completeRecord),
		"resume": first(a.completeRun), "runs show": first(a.completeRun), "runs trace": first(a.completeRun), "runs rm": a.completeRun, "control": a.completeControl,
	}
	flags := map[string]completer{
		"provider": a.completeProvider, "model": a.completeModel, "profile": a.completeProfile, "preset": a.completePreset,
		"format": words(formatNDJSON, formatText, formatOpenAI, formatCSV, formatTSV), "input-format": words("ndjson", "openai", "csv", "tsv", "lines"),
		"progress": words(progressAuto, progressBar, progressPlain, progressJSON, progressNone),
		"fail-on":  words("none", "any", "all", "5%"), "sync": words("always", "group", "none"), "log-format": words("json", "text"), "plugin-confinement": words("standard", "off"),
		"generator-facts": words("all", "none"),
		"lang":            words(scaffold.Languages()...), "requests-per-second": words("auto", "off"), "tokens-per-minute": words("auto", "off"),
		"max-concurrent": words("auto"), "retry-failed": words("true", "false"), "seed": words(), "limit": words(),
	}
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		if c, ok := arguments[strings.TrimPrefix(cmd.CommandPath(), root.Name()+" ")]; ok {
			cmd.ValidArgsFunction = plain(c)
		}
		for name, c := range flags {
			if cmd.LocalFlags().Lookup(name) != nil {
				_ = cmd.RegisterFlagCompletionFunc(name, plain(c)) // the flag is there, and has none yet
			}
		}
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(root)
}

// unfit reports whether a word cannot be shown as it is, such as a model whose
// name steers terminals: shells print what they offer.
func unfit(entry string) bool {
	word, meaning, _ := strings.Cut(entry, "\t")
	return word != format.Inline(word) || meaning != format.Inline(meaning)
}

// words completes one of a few words.
func words(list ...string) completer {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return list, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeGenerator lists generators; a path to a module is fine too.
func (a *app) completeGenerator(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var list []string
	for _, path := range a.generatorPaths() {
		if m, err := a.openGenerator(path); err == nil {
			list = append(list, described(m.Name(), m.Manifest.Summary))
		}
	}
	return list, cobra.ShellCompDirectiveDefault
}

func described(word, meaning string) string { return word + "\t" + format.Shorten(meaning, 60) }

// completeProvider lists plugins, presets and instances of the configuration.
func (a *app) completeProvider(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	c := a.completionConfig(cmd)
	var list []string
	for _, name := range sortedKeys(c.Providers) {
		list = append(list, described(name, "of the configuration"))
	}
	all, err := a.newCatalog(c.Providers).all(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	for _, o := range all {
		list = append(list, described(o.name, o.keyState(a.env)))
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}

// completeModel lists the models of the provider that the line names, or of the
// configured one, or of all.
func (a *app) completeModel(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	c := a.completionConfig(cmd)
	chosen := c.Provider
	if f := cmd.Flags().Lookup("provider"); f != nil && f.Changed {
		chosen = f.Value.String()
	}
	cat := a.newCatalog(c.Providers)
	var offered []offer
	if o, err := cat.find(cmd.Context(), chosen); chosen != "" && err == nil {
		offered = []offer{o}
	} else if offered, err = cat.all(cmd.Context()); err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var list []string
	for _, o := range offered {
		if o.preset != nil && chosen == "" {
			continue // its models are not those of the plugin
		}
		for _, m := range o.about.Models {
			list = append(list, described(m.ID, o.name))
		}
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) completeProfile(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.completionConfig(cmd).Profiles, cobra.ShellCompDirectiveNoFileComp
}

// completePreset lists the presets of the generator that the line names.
func (a *app) completePreset(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	m, err := a.openGenerator(args[0])
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var list []string
	for _, p := range m.Manifest.Presets {
		list = append(list, described(p.Name, p.Summary))
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}

// completeRun lists recorded runs, the newest first.
func (a *app) completeRun(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	cfg, err := a.journalConfig(defaultSync)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	runs, _ := journal.List(cmd.Context(), cfg) // those that can be read are enough
	var list []string
	for i := len(runs) - 1; i >= 0; i-- {
		list = append(list, described(runs[i].ID, string(runs[i].State)+", "+filepath.Base(runs[i].Plan.Output.Path)))
	}
	return list, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}

// completionConfig reads the configuration as far as that is possible.
func (a *app) completionConfig(cmd *cobra.Command) *config.Config {
	path := a.lookup("CORTEX_CONFIG")
	if f := cmd.Flags().Lookup("config"); f != nil && f.Changed {
		path = f.Value.String()
	}
	c, err := config.Load(config.Sources{Path: path, Dir: ".", UserDir: a.configDir(), Env: a.env})
	if err != nil {
		return &config.Config{}
	}
	return c
}

// completeRecord completes a run, or the file of its results.
func (a *app) completeRecord(cmd *cobra.Command, args []string, part string) ([]string, cobra.ShellCompDirective) {
	list, _ := a.completeRun(cmd, args, part)
	return list, cobra.ShellCompDirectiveKeepOrder
}

// completeControl completes a run, then what it is told.
func (a *app) completeControl(cmd *cobra.Command, args []string, part string) ([]string, cobra.ShellCompDirective) {
	switch len(args) {
	case 0:
		return a.completeRun(cmd, args, part)
	case 1:
		return []string{"status", "pause", "resume", "max-concurrent", "requests-per-second"}, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}
