package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cortexlinux/cortex-host/core/format"
	"github.com/cortexlinux/cortex-host/sdk"
)

func newGenerateCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "generate GENERATOR [ITEM...]", Short: "Print the queries that a generator makes, asking nobody",
		Long: `Print the queries that a generator makes, one JSON object a line, and ask nobody.

The output is what "cortex-host batch" reads.`,
		Example: `  cortex-host generate package bash coreutils
  cortex-host generate hardware
  journalctl -p err -n 20 -o cat | cortex-host generate error --input - > queries.ndjson`,
		GroupID: groupRun, Args: wantGenerator,
	}
	settings := settingFlags(a, cmd, runnerKeys...)
	flags := addGuestFlags(cmd)
	limit := new(int64)
	cmd.Flags().Var(limitFlag{limit}, "limit", "stop after `N` queries")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if isClosed(a.stdout) {
			return usagef("send it to a file or a pipe", "stdout is closed: the queries would be lost")
		}
		c, err := settings.load()
		if err != nil {
			return err
		}
		g, err := a.openGuest(c, flags, args[0], args[1:])
		if err != nil {
			return err
		}
		defer g.close()
		return a.generate(cmd.Context(), g, *limit)
	}
	return cmd
}

// wantGenerator checks that a generator is named.
func wantGenerator(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usagef("`cortex-host generator list` shows what there is", "which generator? usage: %s", cmd.UseLine())
	}
	return nil
}

func (a *app) generate(ctx context.Context, g *guest, limit int64) error {
	out := bufio.NewWriterSize(a.stdout, 64<<10)
	made, failed, onTerminal := 0, 0, isTerminal(a.stdout)
	var row []byte
	for q, err := range cut(g.queries(ctx), limit) {
		if item, ok := errors.AsType[*sdk.ItemError](err); ok {
			failed++
			a.note("failed: item %s: %s", format.Inline(item.ID), format.Inline(item.Err.Message))
			continue
		}
		if err != nil {
			out.Flush() // what came before it is good
			return err
		}
		made++
		row = append(q.AppendJSON(row[:0]), '\n')
		if onTerminal {
			row = format.TerminalSafe(row)
		}
		if _, err := out.Write(row); err != nil {
			return outputError(err)
		}
		if onTerminal {
			out.Flush()
		}
	}
	if err := out.Flush(); err != nil {
		return outputError(err)
	}
	if made+failed == 0 {
		a.info(nothingToAsk)
	}
	if failed > 0 {
		return &failure{fmt.Errorf("%s made no query", countOf(failed, "item")), "the lines above say why", exitFailed}
	}
	return nil
}
