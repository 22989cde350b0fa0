package format

import (
	"fmt"
	"iter"

	"github.com/cortexlinux/cortex-host/sdk"
)

// Unique passes queries on and turns each one whose id was there before into
// an [*sdk.ItemError]: it costs no call, and the others go on. Memory is
// bounded: see [Index].
func Unique(queries iter.Seq2[sdk.Query, error]) iter.Seq2[sdk.Query, error] {
	return func(yield func(sdk.Query, error) bool) {
		seen := NewIndex("")
		defer seen.Close()
		for q, err := range queries {
			if err == nil {
				fresh, failed := seen.Add(q.ID)
				switch {
				case failed != nil:
					yield(sdk.Query{}, failed)
					return
				case !fresh:
					err = &sdk.ItemError{ID: q.ID, Metadata: q.Metadata, Err: sdk.Errorf(sdk.InvalidRequest,
						"the id %q is used by an earlier query of this run; ids must be unique", q.ID)}
					q = sdk.Query{}
				}
			}
			if !yield(q, err) {
				return
			}
		}
	}
}

// Check reads a sequence of queries to its end and returns how many there are.
// The first error of any kind ends it, a duplicate id included: it is for files
// that can be read twice, before anything is paid for.
func Check(queries iter.Seq2[sdk.Query, error]) (int64, error) {
	var n int64
	for _, err := range Unique(queries) {
		n++
		if item, ok := err.(*sdk.ItemError); ok { //nolint:errorlint // an item's error is never wrapped in the sequence
			return n, fmt.Errorf("query %d: %w", n, item.Err)
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}
