package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/cortexlinux/cortex-host/core/config"
	"github.com/cortexlinux/cortex-host/core/format"
)

func newConfigCommand(a *app) *cobra.Command {
	return group("config", "Show, check and start a configuration",
		newConfigShowCommand(a), newConfigValidateCommand(a), newConfigInitCommand(a), newConfigSchemaCommand(a))
}

func newConfigShowCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "show", Short: "Show every setting, its value and where it is from", Args: cobra.NoArgs,
		Example: "  cortex-host config show --origin\n  cortex-host config show --json --profile night",
	}
	s := settingFlags(a, cmd)
	origin := cmd.Flags().Bool("origin", false, "say where each value is from")
	asJSON := cmd.Flags().Bool("json", false, "one JSON object a setting")
	cmd.RunE = func(*cobra.Command, []string) error {
		c, err := s.load()
		if err != nil {
			return err
		}
		return a.showConfig(c, *origin, *asJSON)
	}
	return cmd
}

// A shownSetting is one line of `config show`.
type shownSetting struct {
	Key    string `json:"key"`
	Value  string `json:"value,omitempty"`
	Origin string `json:"origin,omitempty"`
	usage  string
}

func (a *app) showConfig(c *config.Config, origin, asJSON bool) error {
	w := tabwriter.NewWriter(a.stdout, 0, 8, 2, ' ', 0)
	for _, s := range shownSettings(c) {
		if asJSON {
			if err := a.printJSON(s); err != nil {
				return err
			}
			continue
		}
		last := s.usage
		if origin {
			last = s.Origin
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", format.Inline(s.Key), format.Inline(cmp.Or(s.Value, "-")), format.Inline(last))
	}
	return outputError(w.Flush())
}

// shownSettings are all settings, then the instances and routes of the file.
// Where keys are found is shown, never a key or a value of a plugin's settings.
func shownSettings(c *config.Config) []shownSetting {
	var list []shownSetting
	values := c.Values()
	for _, k := range config.Keys() {
		v := values[k.Name]
		list = append(list, shownSetting{k.Name, redact(v.Text, secretsOfAddress(v.Text)), v.Origin, k.Usage})
	}
	for _, name := range sortedKeys(c.Providers) {
		list = append(list, shownSetting{"providers." + name, instanceText(name, c.Providers[name]), c.Origin("providers." + name), "an instance of a provider"})
	}
	for _, task := range sortedKeys(c.Routes) {
		list = append(list, shownSetting{"routes." + task, strings.Join(c.Routes[task], ", then "), c.Origin("routes." + task), "whom queries of this task type are asked of"})
	}
	return list
}

func instanceText(name string, i config.Instance) string {
	parts := []string{"plugin " + cmp.Or(i.Plugin, name)}
	if i.Model != "" {
		parts = append(parts, "model "+i.Model)
	}
	if len(i.Settings) > 0 {
		parts = append(parts, "settings "+strings.Join(sortedKeys(i.Settings), " and "))
	}
	for _, k := range i.Keys {
		switch {
		case k.Env != "":
			parts = append(parts, "key from "+k.Env)
		case k.File != "":
			parts = append(parts, "key in "+k.File)
		default:
			parts = append(parts, "key by "+k.Command[0])
		}
	}
	return strings.Join(parts, ", ")
}

func newConfigSchemaCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of the configuration, for editors", Args: cobra.NoArgs,
		Example: "  cortex-host config schema > cortex-host.schema.json",
		RunE: func(*cobra.Command, []string) error {
			var out bytes.Buffer
			if err := json.Indent(&out, config.Schema(), "", "  "); err != nil {
				return err
			}
			out.WriteByte('\n')
			_, err := a.stdout.Write(out.Bytes())
			return outputError(err)
		},
	}
}
