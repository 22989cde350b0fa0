package main

import (
	"fmt"

	"github.com/cortexlinux/cortex-host/core/format"
	"github.com/cortexlinux/cortex-host/sdk"
)

// failures counts the failed results of a run by kind and keeps an example of
// each, for people who do not read the rows.
type failures struct {
	kinds map[sdk.Kind]*failed
}

// failed is one kind of failure.
type failed struct {
	count   int
	example string
}

func (f *failures) add(r *sdk.Result) {
	if r.Error == nil {
		return
	}
	if f.kinds == nil {
		f.kinds = map[sdk.Kind]*failed{}
	}
	k := f.kinds[r.Error.Kind]
	if k == nil {
		k = &failed{example: fmt.Sprintf("%s: %s", format.Shorten(r.QueryID, 60), format.Shorten(r.Error.Error(), 300))}
		f.kinds[r.Error.Kind] = k
	}
	k.count++
}

// note says what failed, kind by kind.
func (a *app) noteFailures(f *failures) {
	for _, kind := range sortedKeys(f.kinds) {
		k := f.kinds[kind]
		if k.count == 1 {
			a.info("failed: %s", k.example)
		} else {
			a.info("failed: %d queries with %s, such as %s", k.count, format.Inline(string(kind)), k.example)
		}
	}
}
