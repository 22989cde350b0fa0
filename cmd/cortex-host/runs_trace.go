package main

import (
	"github.com/spf13/cobra"

	"github.com/cortexlinux/cortex-host/core/journal"
)

func newRunsTraceCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "trace RUN [QUERY]", Short: "Tell where rows come from: each call of a run, or of one query",
		Long: `Print what the record of a run knows of each call, one JSON object a line: when
it was made and how long it took, whom it asked in which version and at what
price, the model asked for and the model served, the vendor's id of the request,
what went wrong, and what it cost. A call without a known outcome, because it
was under way when the program was killed, has "ended":false.

RUN is the id of a run, or the file that it writes to.`,
		Example: "  cortex-host runs trace answers.ndjson\n  cortex-host runs trace 20260102-150405-abcdef pkg_nginx",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 2 {
				return usagef("", "one run and one query, not %d arguments; usage: %s", len(args), cmd.UseLine())
			}
			return wantRun(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			info, err := a.showRun(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			query := ""
			if len(args) == 2 {
				query = args[1]
			}
			return a.traceRun(cmd, info.ID, query)
		},
	}
}

func (a *app) traceRun(cmd *cobra.Command, run, query string) error {
	cfg, err := a.journalConfig(defaultSync)
	if err != nil {
		return err
	}
	found := false
	for attempt, err := range journal.Attempts(cmd.Context(), cfg, run, query) {
		if err != nil {
			return runFailure(err, run)
		}
		found = true
		if err := a.printJSON(attempt); err != nil {
			return err
		}
	}
	if query != "" && !found {
		return usagef("`cortex-host runs trace "+run+"` shows all calls", "run %s has made no call for a query %q", run, query)
	}
	return nil
}
