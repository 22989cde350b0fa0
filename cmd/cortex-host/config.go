package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
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
		Example: "  cortex-host config show\n  cortex-host config show --origin --profile night",
	}
	s := settingFlags(a, cmd)
	origin := cmd.Flags().Bool("origin", false, "say where each value is from")
	cmd.RunE = func(*cobra.Command, []string) error {
		c, err := s.load()
		if err != nil {
			return err
		}
		values := c.Values()
		w := tabwriter.NewWriter(a.stdout, 0, 8, 2, ' ', 0)
		for _, k := range config.Keys() {
			v, ok := values[k.Name]
			text := format.Inline(v.Text)
			if !ok {
				text = "-"
			}
			if *origin {
				fmt.Fprintf(w, "%s\t%s\t%s\n", k.Name, text, format.Inline(v.Origin))
			} else {
				fmt.Fprintf(w, "%s\t%s\t%s\n", k.Name, text, k.Usage)
			}
		}
		return outputError(w.Flush())
	}
	return cmd
}

func newConfigValidateCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "validate [FILE]", Short: "Check a configuration file", Args: cobra.MaximumNArgs(1),
		Example: "  cortex-host config validate\n  cortex-host config validate team.yaml",
		RunE: func(_ *cobra.Command, args []string) error {
			path := a.lookup("CORTEX_CONFIG")
			if len(args) == 1 {
				path = args[0]
			}
			c, err := config.Load(config.Sources{Path: path, Dir: ".", UserDir: a.configDir()})
			if err != nil {
				return err
			}
			if c.File == "" {
				return usagef("`cortex-host config init` writes one to start from", "no configuration file was found")
			}
			a.note("%s is valid", c.File)
			return nil
		},
	}
}

func newConfigInitCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "init [FILE]", Short: "Write a commented configuration file", Args: cobra.MaximumNArgs(1),
		Long: `Write a configuration file in which every setting is explained and commented
out: ` + config.FileName + ` in this directory, or with --user in your own
configuration directory, or FILE.`,
		Example: "  cortex-host config init\n  cortex-host config init --user --provider openai",
	}
	user := cmd.Flags().Bool("user", false, "write it to your own configuration directory")
	provider := cmd.Flags().String("provider", "", "set this provider as the default")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		path := config.FileName
		switch {
		case len(args) == 1 && *user:
			return usagef("", "name a file or use --user, not both")
		case len(args) == 1:
			path = args[0]
		case *user:
			if path = filepath.Join(a.configDir(), config.FileName); !filepath.IsAbs(path) {
				return usagef("set HOME or XDG_CONFIG_HOME", "there is no configuration directory")
			}
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				return err
			}
		}
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if os.IsExist(err) {
			return usagef("move it away first", "%s is there already", path)
		}
		if err != nil {
			return err
		}
		if _, err := f.WriteString(configTemplate(*provider)); err != nil {
			f.Close()
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
		a.note("wrote %s", path)
		return nil
	}
	return cmd
}

// configTemplate is a file with every setting.
func configTemplate(provider string) string {
	var b strings.Builder
	b.WriteString(`# The configuration of Cortex Host. Every setting can also be given as a flag
# (--max-concurrent) or a variable (CORTEX_MAX_CONCURRENT); flags win over
# variables, variables over a profile, a profile over the rest of this file.
# "cortex-host config validate" checks it. Keys of providers do not belong here.
version: 1

`)
	for _, k := range config.Keys() {
		value := k.Default
		if value == "" {
			value = k.Form
		}
		off := "# "
		if k.Name == "provider" && provider != "" {
			off, value = "", provider
		}
		fmt.Fprintf(&b, "# %s\n%s%s: %s\n\n", k.Usage, off, k.Name, value)
	}
	b.WriteString(`# Instances of providers, by names of your own. Keys are found in variables, files
# or by commands; several keys of one instance share the load.
# providers:
#   chat:
#     plugin: openai
#     model: gpt-4.1-mini
#     keys: [{env: OPENAI_API_KEY}, {file: /run/secrets/openai}]
#   system:
#     plugin: ollama
#     model: llama3.2

# Routes say whom a query of a task type is asked of, the first one that can;
# "*" is all other task types. Here each lane is the other's fallback.
# routes:
#   user_chat: [chat, system]
#   system_operation: [system, chat]
#   "*": [chat]

# Profiles are laid over the settings by --profile NAME.
# profiles:
#   night:
#     max_concurrent: 64
#     deadline: 8h
`)
	return b.String()
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
