package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cortexlinux/cortex-host/core/config"
	"github.com/cortexlinux/cortex-host/core/format"
)

func newConfigInitCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "init [FILE]", Short: "Write a commented configuration file", Args: cobra.MaximumNArgs(1),
		Long: `Write a configuration file in which every setting is explained and commented
out: ` + config.FileName + ` in this directory, or with --user in your own
configuration directory, or FILE. On a terminal it asks for the settings that
most people want; --no-questions keeps it from that.`,
		Example: "  cortex-host config init\n  cortex-host config init --user --provider openai",
	}
	user := cmd.Flags().Bool("user", false, "write it to your own configuration directory")
	provider := cmd.Flags().String("provider", "", "set this `PROVIDER` as the default")
	silent := cmd.Flags().Bool("no-questions", false, "ask nothing, also on a terminal")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		path, err := a.initPath(args, *user)
		if err != nil {
			return err
		}
		answers := map[string]string{"provider": *provider}
		if !*silent && isTerminal(a.stdin) && isTerminal(a.stderr) {
			if err := a.askSettings(cmd.Context(), answers); err != nil {
				return err
			}
		}
		return a.writeConfig(path, answers)
	}
	return cmd
}

// initPath is where the file goes.
func (a *app) initPath(args []string, user bool) (string, error) {
	path := config.FileName
	switch {
	case len(args) == 1 && user:
		return "", usagef("leave one of them out", "name a file or use --user, not both")
	case len(args) == 1:
		path = args[0]
	case user:
		if path = filepath.Join(a.configDir(), config.FileName); !filepath.IsAbs(path) {
			return "", usagef("set HOME or XDG_CONFIG_HOME", "there is no configuration directory")
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return "", err
		}
	}
	if _, err := os.Lstat(path); err == nil {
		return "", usagef("move it away first", "%s is there already", path)
	}
	return path, nil
}

func (a *app) writeConfig(path string, answers map[string]string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return usagef("name a file in a directory that is there and yours", "cannot write the configuration: %w", err)
	}
	if _, err := f.WriteString(configTemplate(answers)); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	a.note("wrote %s; `cortex-host config show --origin` shows what holds", format.Inline(path))
	return nil
}

// questions are asked by config init: the settings that most people want.
var questions = []struct{ key, question string }{
	{"provider", "Whom to ask where nobody is named? (empty: decide each time)"},
	{"model", "Which model? (empty: the provider's own)"},
	{"max_cost", "How many dollars may a run cost at most? (empty: no limit)"},
	{"max_concurrent", "How many calls at once? (empty: 5, and auto for batch)"},
	{"requests_per_second", "How many calls per second? (empty: what the provider allows)"},
}

// askSettings asks on the terminal. A wrong answer is asked for again.
func (a *app) askSettings(ctx context.Context, answers map[string]string) error {
	all, err := a.newCatalog(nil).all(ctx)
	if err != nil {
		return err
	}
	a.note("Providers that are there:")
	for _, o := range all {
		a.note("  %-12s %s", o.name, o.keyState(a.env))
	}
	lines := bufio.NewReader(a.stdin)
	for _, q := range questions {
		if answers[q.key] != "" {
			continue
		}
		answer, err := a.askSetting(ctx, lines, q.key, q.question)
		if err != nil {
			return err
		}
		answers[q.key] = answer
	}
	return nil
}

func (a *app) askSetting(ctx context.Context, lines *bufio.Reader, key, question string) (string, error) {
	for {
		a.note("%s", question)
		line, err := readLine(ctx, lines)
		if err != nil {
			return "", usagef("--no-questions asks nothing", "the questions were not answered")
		}
		answer := strings.TrimSpace(line)
		if answer == "" {
			return "", nil
		}
		problem := checkSetting(key, answer)
		if problem == nil && key == "provider" {
			_, problem = a.newCatalog(nil).find(ctx, answer)
		}
		if problem == nil {
			return answer, nil
		}
		a.note("%v; %s", problem, hintOf(problem))
	}
}

// checkSetting returns what is wrong with a value of a setting.
func checkSetting(key, value string) error {
	for _, k := range config.Keys() {
		if k.Name == key {
			return k.Check(value)
		}
	}
	return nil
}

// yamlText quotes what YAML would take for something else than it is.
func yamlText(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._/-", r)
	}
	if strings.TrimFunc(s, plain) == "" {
		return s
	}
	return strconv.Quote(s)
}

// configTemplate is a file with every setting; those that were answered are set.
func configTemplate(answers map[string]string) string {
	var b strings.Builder
	b.WriteString("# yaml-language-server: $schema=" + config.SchemaURL + `
# The configuration of Cortex Host. Every setting can also be given as a flag
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
		if answer := answers[k.Name]; answer != "" {
			off, value = "", yamlText(answer)
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
