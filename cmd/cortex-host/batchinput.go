package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cortexlinux/cortex-host/core/format"
	"github.com/cortexlinux/cortex-host/sdk"
)

// batchFlags say how a file becomes queries.
type batchFlags struct {
	kind                     string
	prompt, system, idColumn string
	keepGoing, noPreflight   bool
}

func addBatchFlags(cmd *cobra.Command) *batchFlags {
	b := &batchFlags{}
	f := cmd.Flags()
	f.StringVar(&b.kind, "input-format", "", "`ndjson|openai|csv|tsv|lines` (default: by the file's suffix and first line)")
	f.StringVar(&b.prompt, "prompt", "", "make the prompt of a row by this `TEMPLATE`, such as \"What is {name}?\"; @FILE reads it")
	f.StringVar(&b.system, "system", "", "the system prompt of a row, a `TEMPLATE` too; @FILE reads it")
	f.StringVar(&b.idColumn, "id-column", "", "the `COLUMN` of a table that holds the ids")
	f.BoolVar(&b.keepGoing, "keep-going", false, "make a row that cannot be read a failed result, and go on")
	f.BoolVar(&b.noPreflight, "no-preflight", false, "do not read the file to its end before the first query is asked")
	return b
}

// readOptions checks the flags.
func (b *batchFlags) readOptions() (o format.ReadOptions, err error) {
	if b.kind != "" {
		if o.Kind, err = format.ParseKind(b.kind); err != nil {
			return o, asUsage(err)
		}
	}
	if o.Prompt, err = textOrFile("prompt", b.prompt); err != nil {
		return o, err
	}
	if o.System, err = textOrFile("system", b.system); err != nil {
		return o, err
	}
	o.IDColumn = b.idColumn
	return o, nil
}

// A batchInput is a file of queries.
type batchInput struct {
	queries iter.Seq2[sdk.Query, error]
	close   func()
	// identity tells this input from another one.
	identity string
	// total is the number of queries, 0 if it is not known.
	total int64
	// repeatable says that queries can be gone through more than once.
	repeatable bool
	// providers are those that queries of the file name.
	providers []string
	// say is what all of its queries say themselves.
	say ownWords
	// checked is what the file was when it was checked, flawed that it has rows
	// that are no queries.
	checked os.FileInfo
	flawed  bool
}

// maxNamed bounds how many different providers the queries of a file can name.
const maxNamed = 32

// openBatch opens a file of queries and, if it can be read twice, reads it to
// its end: nothing is paid for before all of it is known to be good.
func (a *app) openBatch(ctx context.Context, path string, flags *batchFlags) (*batchInput, error) {
	options, err := flags.readOptions()
	if err != nil {
		return nil, err
	}
	r, err := a.open(path)
	if err != nil {
		return nil, err
	}
	in := format.Input{Name: inputName(path), KeepGoing: flags.keepGoing}
	b := &batchInput{close: func() { r.Close() }, identity: in.Name}
	if file, ok := r.(*os.File); ok && !flags.noPreflight && isRegular(file) {
		if err := b.check(ctx, file, in, options); err != nil {
			r.Close()
			return nil, err
		}
		in.Unique = !b.flawed
		b.queries = b.again(file, func(r io.Reader) iter.Seq2[sdk.Query, error] { return format.Read(r, in, options) })
		b.repeatable = true
		return b, nil
	}
	b.queries = hinted(format.Read(r, in, options))
	return b, nil
}

// mendInput says what to do about queries that cannot be read.
func mendInput(err error) string {
	hint := "mend what is named there"
	if e, ok := errors.AsType[*format.Error](err); ok && !e.WholeFile() {
		hint += ", or let --keep-going make each row that cannot be read a failed result"
	}
	return hint
}

// hinted says what to do about the error that ends a sequence of rows.
func hinted(rows iter.Seq2[sdk.Query, error]) iter.Seq2[sdk.Query, error] {
	return func(yield func(sdk.Query, error) bool) {
		for q, err := range rows {
			if _, ok := errors.AsType[*format.Error](err); ok {
				err = &failure{err, mendInput(err), exitFatal}
			}
			if !yield(q, err) {
				return
			}
		}
	}
}

func isRegular(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode().IsRegular()
}

// check reads the file once.
func (b *batchInput) check(ctx context.Context, f *os.File, in format.Input, options format.ReadOptions) error {
	var err error
	if b.checked, err = f.Stat(); err != nil {
		return err
	}
	hash := newHash()
	named := map[string]bool{}
	say := ownWords{model: true, bound: true}
	in.Glance = true
	for q, err := range format.Read(io.TeeReader(b.part(f), hash), in, options) {
		if _, item := errors.AsType[*sdk.ItemError](err); err != nil && !item {
			return usagef("nothing was asked: "+mendInput(err), "%w", err)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		b.flawed = b.flawed || err != nil
		b.total++
		say.add(&q, err)
		if q.Provider != "" && !named[q.Provider] {
			name := strings.Clone(q.Provider) // it is lent
			named[name] = true
			b.providers = append(b.providers, name)
			if len(b.providers) > maxNamed {
				return usagef("", "%s: its queries name more than %d providers", in.Name, maxNamed)
			}
		}
	}
	b.say = say
	b.identity = "sha256:" + hash.String()
	return nil
}

// part is what of the file is, or was, checked: what comes to it later does not
// belong to the run.
func (b *batchInput) part(f *os.File) io.Reader {
	if b.checked.Size() == 0 {
		return f // nothing, or a file system that does not tell
	}
	return io.LimitReader(f, b.checked.Size())
}

// again reads the checked file from its beginning, every time that it is gone
// through. A file that has changed is another one.
func (b *batchInput) again(f *os.File, read func(io.Reader) iter.Seq2[sdk.Query, error]) iter.Seq2[sdk.Query, error] {
	return func(yield func(sdk.Query, error) bool) {
		now, err := f.Stat()
		if err == nil && (now.Size() < b.checked.Size() || !now.ModTime().Equal(b.checked.ModTime())) {
			err = fmt.Errorf("%s was changed after it had been checked", f.Name())
		}
		if err == nil {
			_, err = f.Seek(0, io.SeekStart)
		}
		if err != nil {
			yield(sdk.Query{}, err)
			return
		}
		read(b.part(f))(yield)
	}
}

// textOrFile returns the value of a flag that @FILE reads from a file.
func textOrFile(flag, value string) (string, error) {
	if len(value) == 0 || value[0] != '@' {
		return value, nil
	}
	data, err := os.ReadFile(value[1:])
	if err != nil {
		return "", usagef("@ reads the value from a file", "--%s: %w", flag, err)
	}
	return string(data), nil
}
