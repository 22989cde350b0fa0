package main

import (
	"path/filepath"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/cortexlinux/cortex-host/sdk/provider/scaffold"
)

func newProviderNewCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "new NAME", Short: "Begin a provider plugin of your own",
		Long: `Write a small Go project for a new provider plugin into a directory of its name:
source in a module of its own, a test that runs the conformance check, a README
and a recipe for releases.`,
		Example: "  cortex-host provider new acme --module example.com/cortex-provider-acme",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("", "which name? usage: %s", cmd.UseLine())
			}
			return nil
		},
	}
	module := cmd.Flags().String("module", "", "the `PATH` of its Go module")
	dir := cmd.Flags().String("dir", "", "write into this `DIRECTORY` instead of cortex-provider-NAME")
	replace := cmd.Flags().String("replace", "", "use this `DIRECTORY` as the source of Cortex Host's SDK")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if own := a.newCatalog(nil).own(cmd.Context(), args[0]); own != "" {
			return usagef("choose another name", "the name %s is taken: the plugin %s that comes with cortex-host has it", args[0], own)
		}
		into := *dir
		if into == "" {
			into = "cortex-provider-" + args[0]
		}
		source := *replace
		if source != "" {
			var err error
			if source, err = filepath.Abs(source); err != nil {
				return err
			}
		}
		if err := scaffold.Write(scaffold.Config{Dir: into, Name: args[0], Module: *module, Version: released(version), Replace: source}); err != nil {
			return usagef("see `cortex-host provider new --help`", "%w", err)
		}
		a.info("wrote %s; next: read %s", into, filepath.Join(into, "README.md"))
		return nil
	}
	return cmd
}

var releaseForm = regexp.MustCompile(`^v[0-9]+\.[0-9]+\.[0-9]+$`)

// released returns this program's version if its module can be had by it, else
// an empty string: `go mod tidy` finds the newest then.
func released(version string) string {
	if releaseForm.MatchString(version) {
		return version
	}
	return ""
}
