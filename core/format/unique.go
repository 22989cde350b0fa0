package format

import (
	"crypto/sha256"
	"fmt"
	"iter"

	"github.com/cortexlinux/cortex-host/sdk"
)

// Unique passes queries on and turns each one whose id was there before into
// an [*sdk.ItemError]: it costs no call, and the others go on. Sixteen bytes a
// query are kept.
func Unique(queries iter.Seq2[sdk.Query, error]) iter.Seq2[sdk.Query, error] {
	return func(yield func(sdk.Query, error) bool) {
		seen := make(map[[16]byte]struct{})
		for q, err := range queries {
			if err == nil {
				sum := sha256.Sum256([]byte(q.ID))
				key := [16]byte(sum[:16])
				if _, twice := seen[key]; twice {
					err = &sdk.ItemError{ID: q.ID, Metadata: q.Metadata, Err: sdk.Errorf(sdk.InvalidRequest,
						"the id %q is used by an earlier query of this run; ids must be unique", q.ID)}
					q = sdk.Query{}
				}
				seen[key] = struct{}{}
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
