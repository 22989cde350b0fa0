package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/cortexlinux/cortex-host/core/config"
	"github.com/cortexlinux/cortex-host/core/format"
	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider"
)

// askTime bounds a question to a vendor that is no query.
const askTime = 30 * time.Second

// oneProvider wants the name of a provider as the only argument.
func oneProvider(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usagef("`cortex-host provider list` shows what there is", "which provider? usage: %s", cmd.UseLine())
	}
	return nil
}

func newProviderModelsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "models PROVIDER", Short: "List the models that a provider offers you",
		Long: `Ask a provider which models your account may use. It costs nothing. A provider
that cannot be asked shows the models that its plugin knows of.`,
		Example: "  cortex-host provider models openai\n  cortex-host provider models ollama --json",
		Args:    oneProvider, ValidArgsFunction: a.completeProvider,
	}
	asJSON := cmd.Flags().Bool("json", false, "one JSON object a model")
	path := cmd.Flags().String("config", "", "read this configuration `FILE`")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var models []sdk.Model
		o, err := a.askVendor(cmd.Context(), *path, args[0], func(ctx context.Context, o *offer, client *provider.Client) (err error) {
			if !o.about.ListsModels {
				a.info("%s cannot be asked; these are the models that its plugin knows of", o.name)
				models = o.about.Models
				return nil
			}
			models, err = client.ListModels(ctx)
			return err
		})
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(a.stdout, 0, 8, 2, ' ', 0)
		for _, m := range models {
			if *asJSON {
				if err := a.printJSON(m); err != nil {
					return err
				}
				continue
			}
			fmt.Fprintf(w, "%s\n", format.Inline(modelText(m)))
		}
		if len(models) == 0 {
			a.info("%s offers no models", o.name)
		}
		return outputError(w.Flush())
	}
	return cmd
}

func newProviderCheckCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "check PROVIDER", Short: "Ask a provider whether it is there and takes your key",
		Long: `Start a provider, hand it its settings and key, and let it ask its vendor
something that costs nothing. Exit code 1 if a query would fare no better.`,
		Example: "  cortex-host provider check openai\n  cortex-host provider check chat --config team.yaml",
		Args:    oneProvider, ValidArgsFunction: a.completeProvider,
	}
	path := cmd.Flags().String("config", "", "read this configuration `FILE`")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		began := time.Now()
		answer := "answers and takes the key"
		o, err := a.askVendor(cmd.Context(), *path, args[0], func(ctx context.Context, o *offer, client *provider.Client) error {
			if !o.about.ChecksHealth {
				answer = "takes its settings; it has no check of its own"
				return nil
			}
			return client.CheckHealth(ctx)
		})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(a.stdout, "%s: %s (%v)\n", format.Inline(o.name), answer, time.Since(began).Round(time.Millisecond))
		return outputError(err)
	}
	return cmd
}

// askVendor starts a provider as a run would and asks it something.
func (a *app) askVendor(ctx context.Context, path, name string, ask func(context.Context, *offer, *provider.Client) error) (*offer, error) {
	c, err := config.Load(config.Sources{Path: cmp.Or(path, a.lookup("CORTEX_CONFIG")), Dir: ".", UserDir: a.configDir(), Env: a.env})
	if err != nil {
		return nil, err
	}
	o, err := a.newCatalog(c.Providers).find(ctx, name)
	if err != nil {
		return nil, err
	}
	h := &house{env: a.env}
	defer h.close()
	if err := a.addLanes(ctx, h, c, o, c.Provider == name); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	client, err := h.processes[0].Client(ctx)
	if err != nil {
		return nil, h.startFailure(err)
	}
	if err := ask(ctx, &o, client); err != nil {
		return nil, &failure{fmt.Errorf("provider %s: %w", o.name, err), cmp.Or(hintOfKind(err), "try again later"), exitFatal}
	}
	return &o, nil
}

// hintOfKind says how to mend what keeps a vendor from answering, or is empty.
func hintOfKind(err error) string {
	switch {
	case errors.Is(err, sdk.Unauthenticated), errors.Is(err, sdk.PermissionDenied):
		return "the vendor does not take the key; make a new one, and see where it is read from: `cortex-host provider describe NAME`"
	case errors.Is(err, sdk.Unreachable), errors.Is(err, sdk.InDoubt):
		return "check the network, the base URL, and HTTPS_PROXY and SSL_CERT_FILE where the network has its own"
	case errors.Is(err, sdk.QuotaExhausted):
		return "the account has no money or quota left"
	}
	return ""
}
