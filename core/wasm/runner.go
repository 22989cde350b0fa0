package wasm

import (
	"context"
	"iter"

	"github.com/cortexlinux/cortex-host/core/confine"
	"github.com/cortexlinux/cortex-host/sdk"
)

// A Runner runs generators. It is safe for concurrent use; each run has a
// child of its own.
type Runner struct {
	config Config
}

// NewRunner checks the configuration.
func NewRunner(c Config) (*Runner, error) {
	return &Runner{config: c}, nil
}

// Generate runs the module over the items and returns its queries as they
// come. A failure of one item is an [*sdk.ItemError], after which the sequence
// goes on; any other error is the last: an [*Error], the error of ctx, or the
// one that Items ended with.
//
// Queries are pulled: a guest that is ahead of its reader stops. Items is
// called from another goroutine; if it blocks when the run ends, it is left
// behind until its next yield.
func (r *Runner) Generate(ctx context.Context, m *Module, req Request) iter.Seq2[sdk.Query, error] {
	return func(yield func(sdk.Query, error) bool) {
		yield(sdk.Query{}, failf(ChildFailed, "not connected").named(m.Name()))
	}
}

// Child is the job that [confine.Main] must know: it compiles and runs guests
// in the confined child.
func Child() confine.Child {
	return confine.Child{Name: "wasm", Run: func([]string) int { return 1 }}
}
