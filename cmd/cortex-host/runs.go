package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/cortexlinux/cortex-host/core/format"
	"github.com/cortexlinux/cortex-host/core/journal"
)

func newRunsCommand(a *app) *cobra.Command {
	return group("runs", "List, show and remove recorded runs",
		newRunsListCommand(a), newRunsShowCommand(a), newRunsTraceCommand(a), newRunsRemoveCommand(a))
}

func newRunsListCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "List the runs that are recorded, the oldest first", Args: cobra.NoArgs,
		Example: "  cortex-host runs list\n  cortex-host runs list --json",
	}
	asJSON := cmd.Flags().Bool("json", false, "one JSON object a run")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := a.journalConfig(defaultSync)
		if err != nil {
			return err
		}
		runs, err := journal.List(cmd.Context(), cfg)
		if err != nil {
			a.note("warning: %v", err) // the runs that can be read are still there
		}
		table := tabwriter.NewWriter(a.stdout, 0, 8, 2, ' ', 0)
		for _, r := range runs {
			if *asJSON {
				if err := a.printJSON(r); err != nil {
					return err
				}
				continue
			}
			counts := fmt.Sprintf("%d answered, %d failed", r.Totals.Answered+r.Totals.Degraded, r.Totals.Failed)
			if r.State == journal.StateUnreadable {
				counts = "not known"
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", format.Inline(r.ID), r.Created.Local().Format(time.DateTime), r.State, counts, format.Inline(r.Plan.Output.Path))
		}
		return outputError(table.Flush())
	}
	return cmd
}

func newRunsShowCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "show RUN", Short: "Show what is recorded of a run", Args: wantRun,
		Example: "  cortex-host runs show answers.ndjson\n  cortex-host runs show 20260102-150405-abcdef",
	}
	asJSON := cmd.Flags().Bool("json", false, "print it as JSON")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		info, err := a.showRun(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if *asJSON {
			return a.printJSON(info)
		}
		return a.describeRun(info)
	}
	return cmd
}

func (a *app) describeRun(r journal.Info) error {
	w := tabwriter.NewWriter(a.stdout, 0, 8, 2, ' ', 0)
	line := func(name, message string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\n", name, format.Inline(fmt.Sprintf(message, args...)))
	}
	line("run", "%s", r.ID)
	state := string(r.State)
	if r.Reason != "" {
		state += ": " + r.Reason
	}
	line("state", "%s", state)
	line("begun", "%s", r.Created.Local().Format(time.DateTime))
	line("command", "cortex-host %s", commandLine(r.Plan.Args))
	line("output", "%s", r.Plan.Output.Path)
	if r.State == journal.StateUnreadable {
		return outputError(w.Flush())
	}
	line("answered", "%d (%d of them by a fallback)", r.Totals.Answered+r.Totals.Degraded, r.Totals.Degraded)
	line("failed", "%d", r.Totals.Failed)
	for _, kind := range sortedKeys(r.Totals.ByKind) {
		line("", "%d %s", r.Totals.ByKind[kind], kind)
	}
	line("attempts", "%d", r.Totals.Attempts)
	line("tokens", "%d", r.Totals.Usage.TotalTokens())
	spent := r.Totals.Spent.String()
	if n := r.Totals.Unpriced; n > 0 {
		spent += fmt.Sprintf(" and what %s cost, which is not known", countOf(int(n), "call"))
	}
	line("spent", "%s", spent)
	for i, f := range r.Plan.Fixed {
		line([]string{"fixed", ""}[min(i, 1)], "%s: %s", f.Name, f.Value)
	}
	for i, o := range r.Open {
		line([]string{"cut off", ""}[min(i, 1)], "%s after %d attempts", o.ID, o.Attempts)
	}
	return outputError(w.Flush())
}

func newRunsRemoveCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "rm RUN...", Short: "Remove the record of runs; their results stay", Args: wantRun,
		Example: "  cortex-host runs rm 20260102-150405-abcdef",
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.journalConfig(defaultSync)
			if err != nil {
				return err
			}
			for _, name := range args {
				id := name
				if path := realPath(name); exists(path) || exists(path+".partial") {
					if found, err := journal.Find(cmd.Context(), cfg, path); err == nil {
						id = found.ID
					}
				}
				if err := journal.Remove(cfg, id); err != nil {
					return runFailure(err, name)
				}
			}
			return nil
		},
	}
}

// wantRun checks that a run is named.
func wantRun(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usagef("`cortex-host runs list` shows what is recorded", "which run? usage: %s", cmd.UseLine())
	}
	return nil
}

// showRun returns what is recorded of a run, which is named by its id or by the
// file that it writes to.
func (a *app) showRun(ctx context.Context, name string) (journal.Info, error) {
	cfg, err := a.journalConfig(defaultSync)
	if err != nil {
		return journal.Info{}, err
	}
	info, err := journal.Show(ctx, cfg, name)
	if errors.Is(err, journal.ErrNoRun) {
		if found, findErr := journal.Find(ctx, cfg, realPath(name)); findErr == nil {
			return journal.Show(ctx, cfg, found.ID)
		}
	}
	if err != nil {
		return journal.Info{}, runFailure(err, name)
	}
	return info, nil
}
