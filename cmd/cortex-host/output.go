package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/format"
	"github.com/cortexlinux/cortex-host/sdk"
)

// The formats of results.
const (
	formatNDJSON = "ndjson"
	formatText   = "text"
)

// outputFlags say where results go and what they look like.
type outputFlags struct {
	path, format string
	force        bool
	summary      string
	record       recordFlags
}

func addOutputFlags(cmd *cobra.Command) *outputFlags {
	o := &outputFlags{}
	f := cmd.Flags()
	f.StringVarP(&o.path, "output", "o", "", "write results to `FILE`, with a journal: the run can be resumed")
	f.BoolVar(&o.force, "force", false, "replace FILE if it is there")
	f.StringVar(&o.format, "format", "", "`ndjson|text` (default: text on a terminal, else ndjson)")
	f.StringVar(&o.summary, "summary", "", "write the run's statistics as JSON to `FILE` (- is stderr)")
	o.record.add(f)
	return o
}

// encoder returns what makes rows.
func (a *app) encoder(o *outputFlags) (format.Encoder, error) {
	onTerminal := o.path == "" && isTerminal(a.stdout)
	kind := o.format
	if kind == "" {
		kind = formatNDJSON
		if onTerminal {
			kind = formatText
		}
	}
	switch {
	case kind == formatNDJSON:
		return format.NDJSON{}, nil
	case kind == formatText && onTerminal:
		return format.Pretty{Width: terminalWidth(a.stdout), Color: a.color()}, nil
	case kind == formatText:
		return format.Text{}, nil
	}
	return nil, usagef("use --format ndjson or --format text", "there is no format %q", kind)
}

// color reports whether a terminal may get styles.
func (a *app) color() bool { return a.lookup("NO_COLOR") == "" && a.lookup("TERM") != "dumb" }

// A sink takes the results of a run.
type sink interface {
	// recorder records attempts, or is nil.
	recorder() executor.Recorder
	// write takes one result.
	write(r *sdk.Result) error
	// finish ends a run in which every query has its result.
	finish(ctx context.Context) error
	// abandon ends a run that did not get so far; it says what is left.
	abandon(reason string) error
}

// A streamSink writes rows to stdout. Nothing is kept of the run.
type streamSink struct {
	to      io.Writer
	encoder format.Encoder
	safe    bool // rows go to a terminal as they are: JSON needs more escapes there
}

var _ sink = (*streamSink)(nil)

func newStreamSink(to io.Writer, e format.Encoder) *streamSink {
	_, json := e.(format.NDJSON)
	return &streamSink{to: to, encoder: e, safe: json && isTerminal(to)}
}

func (s *streamSink) recorder() executor.Recorder  { return nil }
func (s *streamSink) finish(context.Context) error { return nil }
func (s *streamSink) abandon(string) error         { return nil }

func (s *streamSink) write(r *sdk.Result) error {
	row, err := s.encoder.Encode(r)
	if err != nil {
		return err
	}
	if s.safe {
		row = format.TerminalSafe(row)
	}
	_, err = s.to.Write(row)
	return outputError(err)
}
