package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cortexlinux/cortex-host/core/config"
	"github.com/cortexlinux/cortex-host/sdk"
)

func newConfigValidateCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "validate [FILE]", Short: "Check a configuration file", Args: cobra.MaximumNArgs(1),
		Long: `Check a configuration file: its keys and values, and that its providers, their
settings and its routes name what there is on this machine. Whether keys are
there and fit is the business of "cortex-host doctor" and "provider check".`,
		Example: "  cortex-host config validate\n  cortex-host config validate team.yaml",
	}
	path := cmd.Flags().String("config", "", "the `FILE`, as other commands have it")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		file := cmp.Or(*path, a.lookup("CORTEX_CONFIG"))
		if len(args) == 1 {
			file = args[0]
		}
		return a.validateConfig(cmd.Context(), file)
	}
	return cmd
}

func (a *app) validateConfig(ctx context.Context, path string) error {
	sources := config.Sources{Path: path, Dir: ".", UserDir: a.configDir()}
	c, err := config.Load(sources)
	if err != nil {
		return err
	}
	if c.File == "" {
		return usagef("`cortex-host config init` writes one to start from", "no configuration file was found")
	}
	cat := a.newCatalog(c.Providers)
	if err := a.checkNames(ctx, cat, c); err != nil {
		return err
	}
	for _, sources.Profile = range c.Profiles { // its values are checked against each other's only when it is laid over
		laid, err := config.Load(sources)
		if err != nil {
			return err
		}
		if err := a.checkProvider(ctx, cat, laid.Provider, laid.Origin("provider")); err != nil {
			return err
		}
	}
	a.note("%s is valid", c.File)
	return nil
}

// checkNames finds instances, routes and a provider that do not fit what there
// is.
func (a *app) checkNames(ctx context.Context, cat *catalog, c *config.Config) error {
	for _, name := range sortedKeys(c.Providers) {
		place := c.Origin("providers." + name)
		o, err := cat.find(ctx, name)
		if err == nil {
			err = o.checkInstance(a.env)
		}
		if err != nil {
			return atPlace(place, err)
		}
	}
	for _, task := range sortedKeys(c.Routes) {
		place := c.Origin("routes." + task)
		if task != "*" && !sdk.TaskType(task).Valid() {
			hint := "task types are " + strings.Join(taskTypes, ", ") + ", and * for all others"
			if near := config.Nearest(task, taskTypes); near != "" {
				hint = "did you mean " + near + "? " + hint
			}
			return usagef(hint, "%s: routes.%s is no task type", place, task)
		}
		for _, lane := range c.Routes[task] {
			if err := a.checkProvider(ctx, cat, lane, place); err != nil {
				return err
			}
		}
	}
	return a.checkProvider(ctx, cat, c.Provider, c.Origin("provider"))
}

func (a *app) checkProvider(ctx context.Context, cat *catalog, name, place string) error {
	if name == "" {
		return nil
	}
	_, err := cat.find(ctx, name)
	return atPlace(place, err)
}

// atPlace says where in the file an error is.
func atPlace(place string, err error) error {
	if err == nil {
		return nil
	}
	return &failure{fmt.Errorf("%s: %w", place, err), hintOf(err), exitUsage}
}

var taskTypes = []string{string(sdk.UserChat), string(sdk.RequirementParsing), string(sdk.SystemOperation), string(sdk.ErrorDebugging),
	string(sdk.CodeGeneration), string(sdk.DependencyResolution), string(sdk.Configuration), string(sdk.ToolExecution)}
