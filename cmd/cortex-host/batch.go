package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/cortexlinux/cortex-host/core/journal"
)

func newBatchCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "batch FILE|-", Short: "Ask ready-made queries from a file",
		Long: `Ask the queries of a file in parallel: one JSON object a line as "cortex-host
generate" prints them, an OpenAI batch file, or with --prompt a table (.csv,
.tsv) or lines of text. Files ending in .gz or .zst are unpacked.

A file is read to its end before anything is asked: a broken line or an id that
is there twice is an error with file and line, and costs nothing. - reads stdin,
as it comes; a broken line there ends the run after the queries before it.

batch asks only who was named: by --provider, by the configuration, or by the
queries themselves. Exit codes are those of "cortex-host run".`,
		Example: `  cortex-host batch queries.ndjson --provider openai --model gpt-4o-mini -o answers.ndjson
  cortex-host batch people.csv --prompt "Write to {name}." --provider openai -o mails.csv
  cortex-host generate package bash | cortex-host batch - --provider offline`,
		GroupID: groupRun,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("name one file; - is stdin", "which queries? usage: %s", cmd.UseLine())
			}
			return nil
		},
	}
	flags := addRunFlags(a, cmd)
	inputFlags := addBatchFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.runBatch(cmd.Context(), flags, inputFlags, args[0])
	}
	return cmd
}

func (a *app) runBatch(ctx context.Context, flags *runFlags, inputFlags *batchFlags, path string) error {
	c, err := flags.settings.load()
	if err != nil {
		return err
	}
	if !c.Given("max_concurrent") {
		c.MaxConcurrent.Auto = true
	}
	input, err := a.openBatch(ctx, path, inputFlags)
	if err != nil {
		return err
	}
	defer input.close()
	house, err := a.openHouse(ctx, c, a.mustHaveProvider, input.providers...)
	if err != nil {
		return err
	}
	defer house.close()
	plan := a.plan(c, house, flags)
	plan.Fixed = append(plan.Fixed, journal.Field{Name: "input", Value: input.identity})
	for _, f := range []journal.Field{{Name: "prompt", Value: inputFlags.prompt}, {Name: "system", Value: inputFlags.system}} {
		if f.Value != "" {
			plan.Fixed = append(plan.Fixed, journal.Field{Name: f.Name, Value: hashOf(f.Value)})
		}
	}
	return a.start(ctx, c, house, flags, plan, job{source: path, say: input.say, queries: input.queries, total: input.total, repeatable: input.repeatable})
}
