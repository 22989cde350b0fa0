package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cortexlinux/cortex-host/core/config"
	"github.com/cortexlinux/cortex-host/core/confine"
)

// The groups of commands in the help.
const (
	groupRun  = "run"
	groupLook = "look"
)

// firstWords say what this is, threeThings what to do first.
const (
	firstWords = `Cortex Host asks many LLM questions at once, safely.

It turns a list of things (packages, error messages, hardware, anything) into
queries, asks them in parallel under limits and budgets, and hands back answers,
tokens and cost as clean data. Without a key it reports what this machine knows.
`
	threeThings = `
Three things to try:

  cortex-host run package bash coreutils   ask about two packages
  cortex-host generate hardware            see the questions, ask nobody
  cortex-host provider list                see who could be asked, and what it needs

"cortex-host --help" lists all commands, "cortex-host doctor" checks this machine.
`
)

// newRoot returns the command tree, and whether a command got as far as being
// run: errors before that are about the command line.
func newRoot(a *app) (root *cobra.Command, started *bool) {
	started = new(bool)
	root = &cobra.Command{
		Use:           "cortex-host",
		Short:         "Ask many LLM questions at once, safely",
		Long:          "Cortex Host asks many LLM questions at once, safely.",
		Example:       "  cortex-host run package bash coreutils",
		Args:          noSuchCommand,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(cmd.OutOrStdout(), firstWords+threeThings)
			return err
		},
		PersistentPreRun: func(cmd *cobra.Command, _ []string) {
			*started = true
			if !confine.Full && cmd.GroupID == groupRun {
				a.info("note: generators and plugins are confined less here than on Linux; `cortex-host doctor` shows what is enforced")
			}
		},
	}
	root.PersistentFlags().BoolVarP(&a.quiet, "quiet", "q", false, "say nothing but errors on stderr")
	root.PersistentFlags().BoolVarP(&a.verbose, "verbose", "v", false, "say more on stderr: what plugins log")
	root.PersistentFlags().StringArrayVar(&a.devPlugins, "dev-plugin", nil, "run a plugin of your own that is not verified: `NAME=FILE`")
	_ = root.PersistentFlags().MarkHidden("dev-plugin") // for developers: AUTHORING.md, `help environment`
	root.SetIn(a.stdin)
	root.SetOut(outputWriter{a.stdout})
	root.SetErr(a.stderr)
	addHelp(a, root)
	root.AddGroup(&cobra.Group{ID: groupRun, Title: "Ask:"}, &cobra.Group{ID: groupLook, Title: "Look and make:"})
	root.AddCommand(
		newRunCommand(a), newBatchCommand(a), newResumeCommand(a), newControlCommand(a), newGenerateCommand(a),
		newProviderCommand(a), newGeneratorCommand(a), newRunsCommand(a), newReportCommand(a), newConfigCommand(a),
		newDoctorCommand(a), newCleanCommand(a), newVersionCommand(a),
	)
	root.AddCommand(helpTopics()...)
	root.SetHelpCommandGroupID(groupLook)
	root.SetCompletionCommandGroupID(groupLook)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	addStandardExamples(root)
	addCompletion(a, root)
	return root, started
}

// group makes a command that only has subcommands.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, GroupID: groupLook, Example: "  cortex-host " + use + " " + subs[0].Name(),
		Args: noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(subs...)
	return cmd
}

// noSuchCommand refuses whatever is no subcommand.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range cmd.Commands() {
		if !sub.Hidden {
			names = append(names, sub.Name())
		}
	}
	hint := "see `" + cmd.CommandPath() + " --help`"
	if near := config.Nearest(args[0], names); near != "" {
		hint = "did you mean `" + cmd.CommandPath() + " " + near + "`?"
	}
	return usagef(hint, "there is no command %q in %s", args[0], cmd.CommandPath())
}

// flagHint says which flag was probably meant.
func flagHint(cmd *cobra.Command, err error) string {
	if unknown, ok := strings.CutPrefix(err.Error(), "unknown flag: --"); ok {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if near := config.Nearest(unknown, names); near != "" {
			return "did you mean --" + near + "?"
		}
	}
	return "see `" + cmd.CommandPath() + " --" + helpAllName + "`"
}
