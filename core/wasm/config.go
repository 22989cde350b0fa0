package wasm

import (
	"context"
	"encoding/json"
	"iter"
	"time"
)

// Config says how a [Runner] runs guests. The zero value is safe.
type Config struct {
	// CacheDir holds compiled modules. It is created with mode 0700; nobody but
	// this user may write to it. Empty: cortex-host/wasm in the user's cache
	// directory.
	CacheDir string
	// Command starts the confined child; its main must call [confine.Main]
	// with [Child] first. Empty: this executable.
	Command []string
	// Limits bound every guest.
	Limits Limits
	// Allow is what queries may choose for themselves.
	Allow Allow
	// Facts collects facts about this machine. Nil: guests get none.
	Facts Facts
	// Confinement says how much is asked of the kernel. Zero: everything.
	Confinement Confinement
	// Log receives each line that a guest prints on stderr, without control
	// characters. Nil: dropped. It is called from one goroutine at a time.
	Log func(generator, line string)
}

// Confinement is a level of containment.
type Confinement string

// The levels.
const (
	// ConfineStandard applies all that the kernel offers: the zero value.
	ConfineStandard Confinement = ""
	// ConfineOff runs the child with resource limits only. For finding out
	// whether confinement is what breaks a machine, not for use.
	ConfineOff Confinement = "off"
)

// Limits bound a guest. A zero field means the default that it names.
type Limits struct {
	// ModuleBytes is the size of a module file. Default 32 MiB.
	ModuleBytes int64
	// MemoryMB is the guest's linear memory in MiB. Default 256.
	MemoryMB int
	// Timeout is how long the host waits for the guest, all waits of a run
	// together, not counting time in which the guest waits for items or the
	// host for whoever takes the queries. Default 30 s.
	Timeout time.Duration
	// TimeoutPerItem is added to Timeout for every item handed over. Default
	// 10 ms; negative: none.
	TimeoutPerItem time.Duration
	// CompileTimeout is how long compiling a module may take. Default 60 s.
	CompileTimeout time.Duration
	// CPUTime is the processor time of a child. Default 1 h.
	CPUTime time.Duration
	// RecordBytes is the size of one record that a guest prints. Default 1 MiB.
	RecordBytes int
	// ItemBytes is the size of one item. Default 1 MiB.
	ItemBytes int
	// QueriesPerItem is how many queries an item may become. Default 16.
	QueriesPerItem int
	// Queries is how many queries a run may make. Default 100,000,000.
	Queries int64
	// OutputBytes is how much a guest may print. Default 64 GiB.
	OutputBytes int64
	// LogBytes is how much a guest may print on stderr; the rest is dropped.
	// Default 64 KiB.
	LogBytes int
}

// Allow is what a guest's queries may choose for themselves. By default they
// choose no provider, no model, no option and no address.
type Allow struct {
	// Providers and Models are the names that queries may ask for.
	Providers, Models []string
	// Options are the names of further body fields that queries may set.
	Options []string
	// ImageURLs permits images by http(s) address: the vendor fetches them.
	ImageURLs bool
	// Facts are the facts that may be given to guests. Nil: all that the
	// manifest asks for.
	Facts []string
}

// Facts collects facts about this machine. A fact is a JSON object; nil means
// that there is nothing to know. It is called from one goroutine at a time.
type Facts interface {
	// Machine returns the fact of that name: os, cpu, memory, disk, gpu or
	// network.
	Machine(ctx context.Context, name string) (json.RawMessage, error)
	// Packages returns what is known of each package; unknown ones are missing.
	Packages(ctx context.Context, names []string) (map[string]json.RawMessage, error)
}

// An Item is one input of a generator: a text, or a JSON object.
type Item struct {
	// Text is the item if JSON is nil.
	Text string
	// JSON is a JSON object, or nil.
	JSON json.RawMessage
}

// Request is one run of a generator.
type Request struct {
	// Preset names a preset of the manifest. Empty: none.
	Preset string
	// Params are parameters, each as JSON; they win over the preset, and the
	// preset over the schema's defaults.
	Params map[string]json.RawMessage
	// Items are pulled as the guest takes them. An error among them ends the
	// run, except an *sdk.ItemError, which is passed on as it is. Nil: no items.
	Items iter.Seq2[Item, error]
	// Total is the number of items if it is known, else 0.
	Total int64
	// Seed is handed to the guest for whatever it wants to vary. 0 to 2^53-1.
	Seed int64
	// Record is called with every record as the guest printed it, before it is
	// judged; for conformance tests. Nil: not called.
	Record func(line []byte)

	ended func(*childEnd) // nil: nobody wants to know how the guest ended
}

// Texts returns items made of texts, such as arguments.
func Texts(texts ...string) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		for _, text := range texts {
			if !yield(Item{Text: text}, nil) {
				return
			}
		}
	}
}
