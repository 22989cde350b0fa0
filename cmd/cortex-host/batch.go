package main

import (
	"context"
	"errors"
	"io"
	"iter"
	"os"

	"github.com/spf13/cobra"

	"github.com/cortexlinux/cortex-host/core/format"
	"github.com/cortexlinux/cortex-host/core/journal"
	"github.com/cortexlinux/cortex-host/sdk"
)

func newBatchCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "batch FILE|-", Short: "Ask ready-made queries from a file",
		Long: `Ask the queries of a file, one JSON object a line, in parallel. The form of a
query is what "cortex-host generate" prints.

A file is read to its end before anything is asked: a broken line or an id that
is there twice is an error with file and line, and costs nothing. - reads stdin,
as it comes; a broken line there ends the run after the queries before it.

batch asks only who was named: by --provider, by the configuration, or by the
queries themselves. Exit codes are those of "cortex-host run".`,
		Example: `  cortex-host batch queries.ndjson --provider openai --model gpt-4o-mini -o answers.ndjson
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
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.runBatch(cmd.Context(), flags, args[0])
	}
	return cmd
}

func (a *app) runBatch(ctx context.Context, flags *runFlags, path string) error {
	c, err := flags.settings.load()
	if err != nil {
		return err
	}
	input, err := a.openBatch(path)
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
	return a.start(ctx, c, house, flags, plan, job{queries: input.queries, total: input.total})
}

// A batchInput is a file of queries.
type batchInput struct {
	queries iter.Seq2[sdk.Query, error]
	close   func() error
	// identity tells this input from another one.
	identity string
	// total is the number of queries, 0 if it is not known.
	total int64
	// providers are those that queries of the file name.
	providers []string
}

// maxNamed bounds how many different providers the queries of a file can name.
const maxNamed = 32

// openBatch opens a file of queries and, if it can be read twice, reads it to
// its end: nothing is paid for before all of it is known to be good.
func (a *app) openBatch(path string) (*batchInput, error) {
	r, err := a.open(path)
	if err != nil {
		return nil, err
	}
	in := format.Input{Name: inputName(path)}
	b := &batchInput{close: r.Close, identity: in.Name}
	file, ok := r.(*os.File)
	if info, err := statOf(file); ok && err == nil && info.Mode().IsRegular() {
		if err := b.check(file, in); err != nil {
			r.Close()
			return nil, err
		}
		b.queries = format.Queries(file, in)
		return b, nil
	}
	b.queries = noDuplicates(format.Queries(r, in))
	return b, nil
}

func statOf(f *os.File) (os.FileInfo, error) {
	if f == nil {
		return nil, errors.New("not a file")
	}
	return f.Stat()
}

// check reads the file once and goes back to its beginning.
func (b *batchInput) check(f *os.File, in format.Input) error {
	hash := newHash()
	named := map[string]bool{}
	for q, err := range noDuplicates(format.Queries(io.TeeReader(f, hash), in)) {
		if err != nil {
			return usagef("nothing was asked", "%w", err)
		}
		b.total++
		if q.Provider != "" && !named[q.Provider] {
			named[q.Provider] = true
			b.providers = append(b.providers, q.Provider)
			if len(b.providers) > maxNamed {
				return usagef("", "%s: its queries name more than %d providers", in.Name, maxNamed)
			}
		}
	}
	b.identity = "sha256:" + hash.String()
	_, err := f.Seek(0, io.SeekStart)
	return err
}

// noDuplicates ends a sequence at a query whose id was there before: a file of
// queries with one is not what somebody meant.
func noDuplicates(queries iter.Seq2[sdk.Query, error]) iter.Seq2[sdk.Query, error] {
	return func(yield func(sdk.Query, error) bool) {
		n := 0
		for q, err := range format.Unique(queries) {
			n++
			if item, ok := errors.AsType[*sdk.ItemError](err); ok {
				err = item.Err
			}
			if !yield(q, err) || err != nil {
				return
			}
		}
	}
}
