package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cortexlinux/cortex-host/core/config"
)

// The groups of commands in the help.
const (
	groupRun  = "run"
	groupLook = "look"
)

// newRoot returns the command tree, and whether a command got as far as being
// run: errors before that are about the command line.
func newRoot(a *app) (root *cobra.Command, started *bool) {
	started = new(bool)
	root = &cobra.Command{
		Use:   "cortex-host",
		Short: "Ask many LLM questions at once, safely",
		Long: `Cortex Host turns a list of things (packages, error messages, hardware,
anything) into LLM queries, runs them in parallel through the providers you
choose, and hands back answers, tokens and cost.

Three things to try:

  cortex-host run package bash coreutils     what does this machine know of them?
  cortex-host generate hardware              see the questions, ask nobody
  cortex-host provider list                  who could be asked`,
		Args:          noSuchCommand,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRun: func(*cobra.Command, []string) {
			*started = true
		},
	}
	root.PersistentFlags().BoolVarP(&a.quiet, "quiet", "q", false, "say nothing but errors on stderr")
	root.PersistentFlags().BoolVarP(&a.verbose, "verbose", "v", false, "say more on stderr: what plugins log")
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef(flagHint(cmd, err), "%w", err)
	})
	root.AddGroup(&cobra.Group{ID: groupRun, Title: "Ask:"}, &cobra.Group{ID: groupLook, Title: "Look and make:"})
	root.AddCommand(
		newRunCommand(a), newBatchCommand(a), newResumeCommand(a), newGenerateCommand(a),
		newProviderCommand(a), newGeneratorCommand(a), newRunsCommand(a), newReportCommand(a), newConfigCommand(a),
		newDoctorCommand(a), newVersionCommand(a),
	)
	root.SetHelpCommandGroupID(groupLook)
	root.SetCompletionCommandGroupID(groupLook)
	return root, started
}

// group makes a command that only has subcommands.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, GroupID: groupLook,
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
	return "see `" + cmd.CommandPath() + " --help`"
}
