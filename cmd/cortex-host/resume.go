package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cortexlinux/cortex-host/core/journal"
)

func newResumeCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "resume RUN [FLAG...]", Short: "Continue a recorded run", GroupID: groupRun,
		Long: `Continue a run that was interrupted, or ask again what failed: the same command
line as before, in the same directory. Answered queries are not asked again.
RUN is the id of a run, or the file that it writes to.

Keys, limits, concurrency, budget and deadline may be changed by further flags;
what decides the answers (generator, input, model, prompt, options) may not.
Another server or other settings of the provider are allowed, and told.
--failed asks only what failed, --degraded also what a fallback answered.`,
		Example: `  cortex-host resume answers.ndjson
  cortex-host resume 20260102-150405-abcdef --max-concurrent 64 --failed`,
		DisableFlagsInUseLine: true,
		DisableFlagParsing:    true, // further flags are those of the run
		RunE: func(cmd *cobra.Command, args []string) error {
			if slices.Contains(args, "--help") || slices.Contains(args, "-h") || slices.Contains(args, "--"+helpAllName) {
				return cmd.Help()
			}
			if err := wantRun(cmd, args); err != nil {
				return err
			}
			return a.resume(cmd.Context(), args[0], args[1:])
		},
	}
}

// resume runs the command line of a recorded run once more.
func (a *app) resume(ctx context.Context, id string, further []string) error {
	if strings.HasPrefix(id, "-") {
		return usagef("usage: cortex-host resume RUN [FLAG...]", "the first argument must be a run, not %s", id)
	}
	info, err := a.showRun(ctx, id)
	if err != nil {
		return err
	}
	if len(info.Plan.Args) == 0 {
		return usagef("", "run %s has no command line to repeat", id)
	}
	if err := os.Chdir(info.Plan.WorkDir); err != nil {
		return usagef("the run's paths are relative to it", "the run's directory is gone: %w", err)
	}
	args := slices.DeleteFunc(slices.Clone(info.Plan.Args), func(arg string) bool {
		name, _, _ := strings.Cut(arg, "=")
		return name == "--resume" || name == "--new-run" || name == "--failed" || name == "--degraded"
	})
	a.note("resuming: cortex-host %s", commandLine(args))
	a.args = info.Plan.Args
	root, _ := newRoot(a)
	root.SetArgs(append(append(args, further...), "--resume"))
	return root.ExecuteContext(ctx)
}

// runFailure names the run.
func runFailure(err error, id string) error {
	if errors.Is(err, journal.ErrNoRun) {
		return usagef("`cortex-host runs list` shows what is recorded", "there is no run %q", id)
	}
	return fmt.Errorf("run %s: %w", id, err)
}

// commandLine shows arguments as one would type them.
func commandLine(args []string) string {
	quoted := make([]string, len(args))
	for i, arg := range args {
		quoted[i] = arg
		if arg == "" || strings.ContainsAny(arg, " \t\n'\"\\$`*?&|;<>(){}[]#~!") {
			quoted[i] = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}
