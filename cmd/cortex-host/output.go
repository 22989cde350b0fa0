package main

import (
	"context"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/format"
	"github.com/cortexlinux/cortex-host/sdk"
)

// The formats of results.
const (
	formatNDJSON = "ndjson"
	formatText   = "text"
	formatOpenAI = "openai"
	formatCSV    = "csv"
	formatTSV    = "tsv"
)

// outputFlags say where results go and what they look like.
type outputFlags struct {
	path, format string
	errorPath    string
	force        bool
	summary      string
	report       string
	record       recordFlags
}

func addOutputFlags(cmd *cobra.Command) *outputFlags {
	o := &outputFlags{}
	f := cmd.Flags()
	f.VarP(fileFlag{&o.path, ""}, "output", "o", "write results to `FILE`, with a journal: the run can be resumed (stdout alone cannot)")
	f.Var(fileFlag{&o.errorPath, "/dev/stdout"}, "errors", "with -o: write the rows of failed queries to this `FILE` instead")
	f.BoolVar(&o.force, "force", false, "replace FILE if it is there")
	f.StringVar(&o.format, "format", "", "form of the results: `ndjson|text|openai|csv|tsv` (default: by the suffix .csv or .tsv of -o; text on a terminal; else ndjson)")
	f.Var(fileFlag{&o.summary, "-"}, "summary", "write the run's statistics as JSON to `FILE` (- is stderr)")
	f.Var(fileFlag{&o.report, "/dev/stdout"}, "report", "write a page about the run to `FILE.html` (- is stdout)")
	o.record.add(f)
	return o
}

// encoder returns what makes rows.
func (a *app) encoder(o *outputFlags) (format.Encoder, error) {
	onTerminal := o.path == "" && isTerminal(a.stdout)
	kind := o.format
	if kind == "" {
		kind = formatOf(o.path, onTerminal)
	}
	switch {
	case kind == formatNDJSON:
		return format.NDJSON{}, nil
	case kind == formatText && onTerminal:
		return format.Pretty{Width: terminalWidth(a.stdout), Color: a.color()}, nil
	case kind == formatText:
		return format.Text{}, nil
	}
	switch kind {
	case formatOpenAI:
		return format.OpenAI{}, nil
	case formatCSV, formatTSV:
		return format.CSV{Tabs: kind == formatTSV}, nil
	}
	return nil, usagef("use ndjson, text, openai, csv or tsv", "there is no format %q", kind)
}

// formatOf is the format where none is named: by the file's suffix, else text on
// a terminal, else NDJSON.
func formatOf(path string, onTerminal bool) string {
	switch strings.ToLower(filepath.Ext(format.CompressionOf(path).TrimSuffix(path))) {
	case "." + formatCSV:
		return formatCSV
	case "." + formatTSV, ".tab":
		return formatTSV
	}
	if onTerminal {
		return formatText
	}
	return formatNDJSON
}

// headerOf is what a file in this format begins with.
func headerOf(e format.Encoder) []byte {
	if h, ok := e.(interface{ Header() []byte }); ok {
		return h.Header()
	}
	return nil
}

// color reports whether a terminal may get styles.
func (a *app) color() bool { return a.lookup("NO_COLOR") == "" && a.lookup("TERM") != "dumb" }

// A sink takes the results of a run.
type sink interface {
	// recorder records attempts, or is nil.
	recorder() executor.Recorder
	// spent is what earlier sessions of the run used.
	spent() (sdk.Money, int64)
	// unpriced counts the calls of earlier sessions whose cost is not known.
	unpriced() int64
	// write takes one result.
	write(r *sdk.Result) error
	// finish ends a run in which every query has its result.
	finish(ctx context.Context) error
	// abandon ends a run that did not get so far; it says what is left.
	abandon(reason string) error
	// id names the run, if it is recorded.
	id() string
	// again says how what has no answer can be asked again, or is empty.
	again() string
}

// A streamSink writes rows to stdout. Nothing is kept of the run.
type streamSink struct {
	to      io.Writer
	encoder format.Encoder
	safe    bool // rows go to a terminal as they are: JSON needs more escapes there
	header  []byte
}

var _ sink = (*streamSink)(nil)

func newStreamSink(to io.Writer, e format.Encoder) *streamSink {
	_, pretty := e.(format.Pretty)
	return &streamSink{to: to, encoder: e, safe: !pretty && isTerminal(to), header: headerOf(e)}
}

func (s *streamSink) recorder() executor.Recorder  { return nil }
func (s *streamSink) spent() (sdk.Money, int64)    { return 0, 0 }
func (s *streamSink) unpriced() int64              { return 0 }
func (s *streamSink) finish(context.Context) error { return nil }
func (s *streamSink) abandon(string) error         { return nil }
func (s *streamSink) again() string                { return "" }
func (s *streamSink) id() string                   { return "" }

func (s *streamSink) write(r *sdk.Result) error {
	row, err := s.encoder.Append(nil, r)
	if err != nil {
		return err
	}
	if s.header != nil {
		row, s.header = append(s.header, row...), nil
	}
	if s.safe {
		row = format.TerminalSafe(row)
	}
	n, err := s.to.Write(row)
	if err != nil {
		unwrite(s.to, n)
	}
	return outputError(err)
}
