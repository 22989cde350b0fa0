package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"github.com/cortexlinux/cortex-host/sdk"
)

// A Plan is what a run is: the journal records it when the run is created and
// compares when it is resumed. It must not contain secrets.
type Plan struct {
	// Args is the command line, so that the run can be resumed by its id
	// alone; WorkDir is the directory that its paths are relative to.
	Args    []string `json:"args,omitempty"`
	WorkDir string   `json:"work_dir,omitempty"`
	// Fixed may not change when the run is resumed, because it decides the
	// answers: model, prompt, options, input. Something large is given by its
	// hash.
	Fixed []Field `json:"fixed,omitempty"`
	// Free may change: limits, concurrency, budget, deadline.
	Free []Field `json:"free,omitempty"`
	// Limit is the number of queries from which on the input is left alone; 0 is
	// none. A finished run goes on where it is raised.
	Limit int64 `json:"limit,omitempty"`
	// ByID says that a query is known again by its ordinal and id alone, not by
	// its text: a generator writes facts about the machine into it, which are
	// others when the run is resumed.
	ByID bool `json:"by_id,omitempty"`
	// Origin says who does the work.
	Origin Origin `json:"origin"`
	// Output says where the rows go.
	Output Output `json:"output"`
	// Secrets are never stored: Create and Resume refuse a plan in which one
	// of them occurs that [IsSecret], as a [*SecretError].
	Secrets []string `json:"-"`
}

// A Field is one setting of a run by its name, as the user knows it.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Origin is where the rows of a session come from.
type Origin struct {
	Host      string   `json:"host,omitempty"`             // version of the host
	Generator string   `json:"generator,omitempty"`        // name of the generator
	SHA256    string   `json:"generator_sha256,omitempty"` // hash of its module
	Lanes     []Lane   `json:"lanes,omitempty"`
	Notes     []string `json:"notes,omitempty"`
}

// A Lane is who answers, and at what price, as the session begins.
type Lane struct {
	Name     string `json:"name"`
	Provider string `json:"provider"`          // the plugin's name
	Version  string `json:"version,omitempty"` // its version
	SHA256   string `json:"sha256,omitempty"`  // hash of its binary
	Model    string `json:"model,omitempty"`
	Prices   string `json:"prices,omitempty"` // source and date of the prices, or the prices
	// Settings are the provider's, its server among them, without secrets.
	// They may change when the run is resumed, and a change is told.
	Settings []Field `json:"settings,omitempty"`
}

// changed lists what is not as it was in a lane of the same name. What an older
// journal does not tell is no change.
func (l *Lane) changed(was *Lane) []Difference {
	var list []Difference
	if was.Version != "" && l.Version != was.Version {
		list = append(list, Difference{"version", was.Version, l.Version})
	}
	if len(was.Settings) > 0 {
		list = append(list, differences(was.Settings, l.Settings)...)
	}
	return list
}

// Output says where the rows of a run go. Until the run is finished they are
// in [Output.Partial].
type Output struct {
	// Path is the final file.
	Path string `json:"path"`
	// ErrorPath is the final file of failed queries; empty: they go to Path.
	ErrorPath string `json:"error_path,omitempty"`
	// Header is written before the first row.
	Header []byte `json:"header,omitempty"`
	// Replace allows that Path exists already.
	Replace bool `json:"replace,omitempty"`
	// Discard allows that an unfinished run's partial file exists: that run
	// is removed. Replace includes it.
	Discard bool `json:"-"`
	// Codec turns the rows into the final file's bytes; nil writes them as
	// they are.
	Codec Codec `json:"-"`
	// Coded says that the final file went through a Codec.
	Coded bool `json:"coded,omitempty"`
}

// Partial is the file that rows are appended to until the run is finished.
func (o *Output) Partial() string { return o.Path + ".partial" }

// unnamed is the file that becomes the final one by being renamed.
func (o *Output) unnamed() string {
	if o.Coded {
		return o.Path + ".tmp"
	}
	return o.Partial()
}

// unnamedErrors is the file that becomes that of errors by being renamed. It is
// nobody's partial file: another run may have its answers where this one has its
// errors.
func (o *Output) unnamedErrors() string { return o.ErrorPath + ".errors.partial" }

// Working lists the files in which a run gathers what goes to Path, and what goes
// to ErrorPath: whatever is in them is written over.
func (o *Output) Working() (rows, errors []string) {
	rows = []string{o.Partial()}
	if o.Codec != nil {
		rows = append(rows, o.Path+".tmp")
	}
	if o.ErrorPath != "" {
		errors = []string{o.unnamedErrors()}
	}
	return rows, errors
}

// A Codec is a compression of the final file.
type Codec interface {
	NewWriter(w io.Writer) (io.WriteCloser, error)
	NewReader(r io.Reader) (io.ReadCloser, error)
}

// validate refuses a plan that cannot be recorded.
func (p *Plan) validate() error {
	if p.Output.Path == "" {
		return errors.New("a run that is to be recorded needs an output file: set Output.Path")
	}
	if p.Output.ErrorPath == p.Output.Path {
		return fmt.Errorf("%s is named both for answers and for errors", p.Output.Path)
	}
	for _, secret := range p.Secrets {
		if place := p.placeOf(secret); place != "" && IsSecret(secret) {
			return &SecretError{place}
		}
	}
	return nil
}

// placeOf says where in the plan a text occurs, or is empty.
func (p *Plan) placeOf(text string) string {
	for i, arg := range p.Args {
		if strings.Contains(arg, text) {
			return fmt.Sprintf("argument %d of the command line", i+1)
		}
	}
	for _, f := range slices.Concat(p.Fixed, p.Free) {
		if strings.Contains(f.Value, text) {
			return "the setting " + f.Name
		}
	}
	data, err := json.Marshal(p)
	quoted, _ := json.Marshal(text) // a string always marshals
	if err != nil || strings.Contains(string(data), string(quoted[1:len(quoted)-1])) {
		return "what is to be recorded of the run"
	}
	return ""
}

// IsSecret reports whether a key is one that is looked for in a plan. A word that
// stands for a key, as servers want it that look at none, is not: x, ollama,
// lm-studio, not-needed. It is found in many a command line, and tells nothing.
func IsSecret(key string) bool {
	noWord := func(r rune) bool { return !unicode.IsLetter(r) && r != '-' && r != '_' && r != '.' }
	return len(key) >= 6 && (len(key) >= 16 || strings.ContainsFunc(key, noWord))
}

// A SecretError says that a plan has a secret in it.
type SecretError struct {
	// Place says where.
	Place string
}

func (e *SecretError) Error() string {
	return e.Place + " contains a secret, which the journal must not store: give it through its environment variable"
}

// A ChangedError says that a run cannot be resumed with these settings.
type ChangedError struct {
	Run         string
	Differences []Difference
}

// A Difference is one setting that is not what it was. An empty value means
// that it was not set.
type Difference struct{ Name, Was, Now string }

func (e *ChangedError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "run %s was started with other settings, and its answers would not fit together:", e.Run)
	for _, d := range e.Differences {
		fmt.Fprintf(&b, "\n  %s was %s, is now %s", d.Name, show(d.Was), show(d.Now))
	}
	b.WriteString("\nrepeat the command line as it was, or start anew with --new-run")
	return b.String()
}

func show(v string) string {
	if v == "" {
		return "not set"
	}
	if len(v) > 80 {
		v = strings.ToValidUTF8(v[:77], "") + "..."
	}
	return fmt.Sprintf("%q", v)
}

// differences lists the fields that differ, in the order of was, then of now.
func differences(was, now []Field) []Difference {
	var list []Difference
	for _, w := range was {
		if v := value(now, w.Name); v != w.Value {
			list = append(list, Difference{w.Name, w.Value, v})
		}
	}
	for _, n := range now {
		if !slices.ContainsFunc(was, func(w Field) bool { return w.Name == n.Name }) && n.Value != "" {
			list = append(list, Difference{n.Name, "", n.Value})
		}
	}
	return list
}

func value(fields []Field, name string) string {
	for _, f := range fields {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// Again says which queries of an earlier session are asked again.
type Again struct {
	// Failed asks those again that failed, or were cut short or refused.
	Failed bool `json:"failed,omitempty"`
	// Degraded asks those again that a fallback lane answered.
	Degraded bool `json:"degraded,omitempty"`
	// Pending asks those that were never settled.
	Pending bool `json:"pending,omitempty"`
}

// includes reports whether a query of this class is asked.
func (a Again) includes(c class) bool {
	switch c {
	case classNone:
		return a.Pending
	case classDegraded:
		return a.Degraded
	default:
		return c.failed() && a.Failed
	}
}

// Totals add up a run over all its sessions. A query that was asked again
// counts once, by its last outcome; tokens and money count every time.
type Totals struct {
	Answered int64              `json:"answered"`
	Degraded int64              `json:"degraded,omitempty"` // not among Answered
	Failed   int64              `json:"failed,omitempty"`
	ByKind   map[sdk.Kind]int64 `json:"failed_by_kind,omitempty"`
	Attempts int64              `json:"attempts"`
	Usage    sdk.Usage          `json:"usage"`
	// Spent is settled money. An attempt whose cost is not known counts with
	// what was reserved for it, and so does one in flight at a kill, or when its query
	// ends without it.
	Spent sdk.Money `json:"spent"`
	// Tokens are those of prompts and replies together, of every attempt: one of
	// which they are not known counts with the most that it could use, and so
	// does one in flight at a kill.
	Tokens int64 `json:"tokens,omitempty"`
	// Unpriced counts the attempts of which neither cost nor bound is known.
	Unpriced int64 `json:"unpriced,omitempty"`
	// Resent counts attempts of queries that had been cut off, so the vendor may
	// have billed them twice.
	Resent int64 `json:"resent,omitempty"`
}

// Settled counts the queries that have a row.
func (t *Totals) Settled() int64 { return t.Answered + t.Degraded + t.Failed }
