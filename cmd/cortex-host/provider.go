package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/cortexlinux/cortex-host/core/format"
	"github.com/cortexlinux/cortex-host/core/store"
	"github.com/cortexlinux/cortex-host/sdk"
)

func newProviderCommand(a *app) *cobra.Command {
	return group("provider", "List, install, verify, test and make providers",
		newProviderListCommand(a), newProviderInstallCommand(a), newProviderRemoveCommand(a), newProviderVerifyCommand(a), newProviderDescribeCommand(a), newProviderModelsCommand(a), newProviderCheckCommand(a),
		newProviderTestCommand(a), newProviderNewCommand(a))
}

func newProviderListCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List the providers that are there, and what they need", Args: cobra.NoArgs,
		Example: "  cortex-host provider list\n  cortex-host provider list --json",
	}
	asJSON := cmd.Flags().Bool("json", false, "one JSON object a provider")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		all, err := a.newCatalog(nil).all(cmd.Context())
		if err != nil {
			return err
		}
		table := tabwriter.NewWriter(a.stdout, 0, 8, 2, ' ', 0)
		for _, o := range all {
			if *asJSON {
				if err := a.printJSON(o.view(a.env)); err != nil {
					return err
				}
				continue
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", format.Inline(o.name), format.Inline(o.about.Version), o.keyState(a.env), format.Shorten(o.summary(), 90))
		}
		return outputError(table.Flush())
	}
	return cmd
}

// keyState says whether the offer could be asked right now.
func (o *offer) keyState(env func(string) (string, bool)) string {
	variables, set := o.keys(env)
	switch {
	case set:
		return "key: " + format.Inline(variables[0])
	case len(variables) > 0 && (o.preset == nil || !o.preset.Keyless):
		return "no key (" + format.Inline(strings.Join(variables, ", ")) + ")"
	}
	return "needs no key"
}

// An offerView is an offer as JSON.
type offerView struct {
	Name    string `json:"name"`
	Plugin  string `json:"plugin"`
	Path    string `json:"path"`
	Version string `json:"version"`
	// Pin says what vouches for the plugin.
	Pin     store.Pin `json:"pin,omitzero"`
	Summary string    `json:"summary"`
	// KeyVariables are the environment variables of its secrets; KeySet tells
	// whether one is set.
	KeyVariables []string         `json:"key_variables,omitempty"`
	KeySet       bool             `json:"key_set"`
	Description  *sdk.Description `json:"description,omitempty"`
}

func (o *offer) view(env func(string) (string, bool)) offerView {
	variables, set := o.keys(env)
	return offerView{Name: o.name, Plugin: o.plugin.Name, Path: o.plugin.Path, Pin: o.plugin.Pin, Version: o.about.Version,
		Summary: o.summary(), KeyVariables: variables, KeySet: set}
}

func newProviderDescribeCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "describe PROVIDER", Short: "Show a provider's models, settings and limits",
		Example: "  cortex-host provider describe openai\n  cortex-host provider describe kimi --json",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("`cortex-host provider list` shows what there is", "which provider? usage: %s", cmd.UseLine())
			}
			return nil
		},
	}
	asJSON := cmd.Flags().Bool("json", false, "print it as JSON")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.describeProvider(cmd.Context(), args[0], *asJSON)
	}
	return cmd
}

func (a *app) describeProvider(ctx context.Context, name string, asJSON bool) error {
	o, err := a.newCatalog(nil).find(ctx, name)
	if err != nil {
		return err
	}
	if asJSON {
		view := o.view(a.env)
		view.Description = &o.about
		return a.printJSON(view)
	}
	properties, err := o.properties()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(a.stdout, 0, 8, 2, ' ', 0)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%s\t%s\n", name, format.Inline(value))
		}
	}
	line("name", o.name)
	if o.preset != nil {
		line("preset of", o.plugin.Name)
	}
	line("version", o.about.Version)
	line("summary", o.summary())
	line("file", o.plugin.Path)
	line("hash", vouched(o.plugin.Pin))
	line("reads", orNothing(o.about.ReadPaths)+" besides what every program needs")
	line("key", o.keyState(a.env))
	line("sends to", orNothing(o.about.EgressHosts)+" (declared, not enforced)")
	if l := o.about.Limits; l != (sdk.Limits{}) {
		line("limits", limitsText(l))
	}
	for i, m := range o.about.Models {
		line([]string{"models", ""}[min(i, 1)], modelText(m))
	}
	for i, name := range sortedKeys(properties) {
		line([]string{"settings", ""}[min(i, 1)], o.propertyText(name, properties[name]))
	}
	if o.preset == nil {
		for i, p := range o.about.Presets {
			line([]string{"presets", ""}[min(i, 1)], p.Name+": "+p.Summary)
		}
	}
	return outputError(w.Flush())
}

func limitsText(l sdk.Limits) string {
	var parts []string
	if l.MaxConcurrent > 0 {
		parts = append(parts, fmt.Sprintf("%d calls at once", l.MaxConcurrent))
	}
	if l.RequestsPerSecond > 0 {
		parts = append(parts, fmt.Sprintf("%g calls per second", l.RequestsPerSecond))
	}
	if l.TokensPerMinute > 0 {
		parts = append(parts, fmt.Sprintf("%d tokens per minute", l.TokensPerMinute))
	}
	return strings.Join(parts, ", ")
}

func modelText(m sdk.Model) string {
	if m.ContextTokens == 0 {
		return m.ID
	}
	return fmt.Sprintf("%s (context %d, output %d tokens)", m.ID, m.ContextTokens, m.MaxOutputTokens)
}

func (o *offer) propertyText(name string, p property) string {
	text := name + ": " + p.Description
	var more []string
	if p.Secret {
		more = append(more, "secret")
	}
	if variables := o.variables(name, p); len(variables) > 0 {
		more = append(more, "from "+strings.Join(variables, " or "))
	}
	value := p.Default
	if o.preset != nil && o.preset.Values[name] != nil {
		value = o.preset.Values[name]
	}
	if len(value) > 0 && !p.Secret && json.Valid(value) {
		more = append(more, "default "+format.Shorten(string(value), 60))
	}
	if len(more) > 0 {
		text += " (" + strings.Join(more, ", ") + ")"
	}
	return text
}
