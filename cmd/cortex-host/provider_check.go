package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cortexlinux/cortex-host/core/format"
	"github.com/cortexlinux/cortex-host/core/store"
	"github.com/cortexlinux/cortex-host/sdk/provider/providertest"
)

func newProviderTestCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "test BINARY --fixture FILE", Short: "Check a provider plugin, in whatever language it is written",
		Long: `Check a provider plugin from outside: handshake, description, configuration,
calls, cancelling, load, and for one with an HTTP upstream a matrix of faults,
against an upstream that the check itself plays. The fixture says how to
configure the plugin and what its vendor's replies look like.

Exit code 3 if the plugin does not reach the level that it claims.`,
		Example: "  cortex-host provider test ./cortex-provider-mine --fixture testdata/fixture.json",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("", "which plugin? usage: %s", cmd.UseLine())
			}
			return nil
		},
	}
	fixture := cmd.Flags().String("fixture", "", "how to configure and ask the plugin, a JSON `FILE`")
	asJSON := cmd.Flags().Bool("json", false, "print the report as JSON")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *fixture == "" {
			return usagef("plugins/openai/testdata/fixture.json in the source is an example", "--fixture is needed")
		}
		f, err := providertest.ReadFixture(*fixture)
		if err != nil {
			return asUsage(err)
		}
		path, err := filepath.Abs(args[0])
		if err != nil {
			return err
		}
		plugin := store.Plugin{Name: strings.TrimPrefix(filepath.Base(path), "cortex-provider-"), Path: path}
		dir, err := a.openRunDir()
		if err != nil {
			return err
		}
		defer dir.Close()
		report, err := providertest.Check(cmd.Context(), pluginDoor{plugin, dir}, f, func(found providertest.Finding) {
			if !*asJSON {
				a.info("%-4s %s", found.Status, format.Inline(found.Name))
			}
		})
		if err != nil {
			return err
		}
		if *asJSON {
			err = a.printJSON(report)
		} else {
			err = a.printReport(report.WriteText)
		}
		if err == nil && !report.Passed() {
			return &failure{fmt.Errorf("provider %s does not reach the level that it claims", plugin.Name), "each check that failed says how to mend it", exitFailed}
		}
		return err
	}
	return cmd
}
