package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cortexlinux/cortex-host/core/config"
)

// helpTopics are commands that only have a help.
func helpTopics() []*cobra.Command {
	return []*cobra.Command{
		{Use: "exit-codes", Short: "What each exit code means", Long: exitCodesHelp},
		{Use: "recording", Short: "What -o keeps of a run, and how a run is resumed", Long: recordingHelp},
		{Use: "environment", Short: "The variables that are read", Long: environmentHelp()},
	}
}

const exitCodesHelp = `The exit codes are stable: scripts may rely on them.

  0    all queries were answered, or there was nothing to do
  1    a fatal error: the run, or the command, could not be finished
  2    the command line, the configuration or an input file is wrong; nothing
       was asked
  3    finished, but queries failed (run, batch, resume, generate), or a test
       failed (provider test, generator test)
  4    ended early by a budget, a deadline, --abort-after, or because nobody is
       left to ask (a wrong key, no quota), or resumed for a part that left
       others open (--failed); it can be resumed if it has an -o file
  130  ended by SIGINT (Ctrl-C), 143 by SIGTERM, 129 by SIGHUP; it can be
       resumed like 4

--fail-on none|any|all|N% says how many failed queries make the code 3: none
never does, any is the default, all only if nothing was answered, 5% if more
than 5 in 100 failed.

Whatever the code is, stderr has "error: ..." and "hint: ..." if it is not 0.`

const recordingHelp = `With -o FILE a run is recorded, and nothing that happens to the machine costs
an answer. Until every query has its row, rows are in FILE.partial, which can
be read meanwhile; then FILE appears in one step. Without --force no answers
are ever replaced, and queries not even with it; pages and summaries are. The
record is in ~/.local/state/cortex-host/runs, readable by you alone; keys never
enter it, prompts only as far as rows hold them.

A run to stdout alone has none of this: after a crash nobody knows which
answers were paid for, and it cannot be resumed.

To go on after a kill, a power cut, Ctrl-C, a full disk, a deadline or a
budget: the same command line with --resume, or "cortex-host resume FILE".
Answered queries are not asked again. What was in flight at a kill is listed,
counts as paid at its bound, and may be billed twice if it is asked again.
Keys, limits, concurrency, budget and deadline may change; model, prompt,
options and input may not, except for facts about this machine that a generator
writes into its prompts. Whom a name asks may change (server, organization, the
plugin's version and settings): it is told from what to what. --failed asks
only what failed, --degraded also what a fallback answered. A run that was
finished under --limit goes on without it, or with a higher one. --new-run
drops what there is and begins anew.

--sync says when answers are safe from a power cut: group (the default) some
twenty times a second, always before the next one is written, none when the
system likes. The death of the program alone costs no answer in any of them.

At most 100 runs and 2 GiB of records are kept, finished ones are dropped
first, outputs never. "cortex-host runs list | show | trace | rm" looks after
them.`

// environmentHelp lists the variables.
func environmentHelp() string {
	var b strings.Builder
	b.WriteString("Every setting can be a variable. Flags win over variables, variables over a\nprofile, a profile over the file.\n\n")
	for _, k := range config.Keys() {
		fmt.Fprintf(&b, "  %-30s as --%s\n", k.Env(), k.Flag())
	}
	b.WriteString(`
  CORTEX_CONFIG                  as --config
  CORTEX_PROFILE                 as --profile
  CORTEX_HOST_PLUGIN_PATH        more directories of plugins, as in PATH
  CORTEX_HOST_DEV_PLUGINS        as --dev-plugin: NAME=FILE, as in PATH
  CORTEX_HOST_GENERATOR_PATH     more directories of generators
  NO_COLOR, TERM=dumb            no styles, and no line that is redrawn
  XDG_CONFIG_HOME, XDG_DATA_HOME, XDG_STATE_HOME, XDG_CACHE_HOME,
  XDG_RUNTIME_DIR                where files are kept

Keys of providers have variables of their own: "cortex-host provider list".`)
	return b.String()
}

// addStandardExamples gives the commands that cobra makes examples like all
// others.
func addStandardExamples(root *cobra.Command) {
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			cmd.Example = "  cortex-host help run\n  cortex-host help exit-codes"
			cmd.Args = func(_ *cobra.Command, args []string) error { // cobra would take any word for the whole program
				if about, rest, _ := root.Find(args); len(rest) > 0 {
					return noSuchCommand(about, rest)
				}
				return nil
			}
		case "completion":
			cmd.Args, cmd.RunE = noSuchCommand, func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
			cmd.Long = "Print a script that completes commands, flags, generators, providers and models\nin your shell. `cortex-host completion SHELL --help` says where to put it."
			cmd.Example = "  cortex-host completion bash > ~/.local/share/bash-completion/completions/cortex-host"
			for _, shell := range cmd.Commands() {
				shell.Short = "Print the completion script for " + shell.Name()
				shell.Example = completionExamples[shell.Name()]
				shell.Long = shell.Short + ", which completes commands, flags,\ngenerators, providers and models."
				if shell.Name() == "bash" {
					shell.Long += " It needs the package bash-completion."
				}
			}
		}
	}
}

var completionExamples = map[string]string{
	"bash":       "  cortex-host completion bash > ~/.local/share/bash-completion/completions/cortex-host",
	"zsh":        "  cortex-host completion zsh > \"${fpath[1]}/_cortex-host\"",
	"fish":       "  cortex-host completion fish > ~/.config/fish/completions/cortex-host.fish",
	"powershell": "  cortex-host completion powershell | Out-String | Invoke-Expression",
}
