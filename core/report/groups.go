package report

import (
	"cmp"
	"slices"

	"github.com/cortexlinux/cortex-host/sdk"
)

const (
	// maxGroups bounds lanes and kinds: their names may come from a file.
	maxGroups = 64
	// maxServed bounds the models served that a lane tells of.
	maxServed = 6
	// maxExamples and exampleBytes bound what is kept of failures.
	maxExamples  = 5
	exampleBytes = 2 << 10
	// nameBytes bounds ids and names.
	nameBytes = 512
)

// rest is the name of the group of all that found no group of their own.
const rest = "(others)"

type laneKey struct{ provider, model string }

// laneGroup is what the results tell of one lane.
type laneGroup struct {
	laneKey
	totals  Totals
	latency histogram
	served  []string
}

// lanes groups results by provider and model asked for.
type lanes struct{ groups []*laneGroup }

func (l *lanes) add(r *sdk.Result) {
	var key laneKey
	switch {
	case r.Response != nil:
		key = laneKey{cut(r.Response.Provider, nameBytes), cut(r.Response.Model, nameBytes)}
	case r.Error != nil:
		key.provider = cut(r.Error.Provider, nameBytes)
	}
	g := l.get(key)
	g.totals.add(r)
	if r.Success() {
		g.latency.add(r.ExecutionTime)
	}
	if r.Response != nil && r.Response.ModelServed != "" && len(g.served) < maxServed {
		if served := cut(r.Response.ModelServed, nameBytes); !slices.Contains(g.served, served) {
			g.served = append(g.served, served)
		}
	}
}

// find returns the group of a lane, nil without.
func (l *lanes) find(key laneKey) *laneGroup {
	for _, g := range l.groups {
		if g.laneKey == key {
			return g
		}
	}
	return nil
}

// seen returns what the results tell of a lane. One that names no model has the
// answers of those that its provider chose, which are no lanes of their own;
// only its failures have no model either.
func (l *lanes) seen(key laneKey, own []Lane) (latency histogram, served []string) {
	for _, g := range l.groups {
		chosen := key.model == "" && g.provider == key.provider &&
			!slices.ContainsFunc(own, func(o Lane) bool { return laneKey{o.Provider, o.Model} == g.laneKey })
		if g.laneKey != key && !chosen {
			continue
		}
		latency.merge(&g.latency)
		for _, name := range g.served {
			if len(served) < maxServed && !slices.Contains(served, name) {
				served = append(served, name)
			}
		}
	}
	return latency, served
}

func (l *lanes) get(key laneKey) *laneGroup {
	if g := l.find(key); g != nil {
		return g
	}
	if len(l.groups) >= maxGroups {
		key = laneKey{provider: rest}
		if g := l.find(key); g != nil {
			return g
		}
	}
	g := &laneGroup{laneKey: key}
	l.groups = append(l.groups, g)
	return g
}

// failureGroup is what is kept of one kind of failure.
type failureGroup struct {
	kind     sdk.Kind
	count    int64
	examples []example
}

// example is one failure.
type example struct {
	id       string
	provider string
	status   int
	message  string
	attempts int
}

// failures groups failed results by kind.
type failures struct{ groups []*failureGroup }

func (f *failures) add(r *sdk.Result) {
	failed := r.Error
	if failed == nil {
		failed = &sdk.Error{Kind: sdk.Internal, Message: "neither a response nor an error"}
	}
	g := f.get(cmp.Or(failed.Kind, sdk.Internal))
	g.count++
	if len(g.examples) >= maxExamples {
		return
	}
	e := example{cut(r.QueryID, nameBytes), cut(failed.Provider, nameBytes), failed.Status, cut(failed.Message, exampleBytes), r.Attempts}
	same := func(o example) bool { return o.message == e.message }
	if !slices.ContainsFunc(g.examples, same) {
		g.examples = append(g.examples, e)
	}
}

func (f *failures) get(kind sdk.Kind) *failureGroup {
	kind = sdk.Kind(cut(string(kind), nameBytes))
	find := func(kind sdk.Kind) *failureGroup {
		for _, g := range f.groups {
			if g.kind == kind {
				return g
			}
		}
		return nil
	}
	if g := find(kind); g != nil {
		return g
	}
	if len(f.groups) >= maxGroups {
		if kind = rest; find(kind) != nil {
			return find(kind)
		}
	}
	g := &failureGroup{kind: kind}
	f.groups = append(f.groups, g)
	return g
}

// sorted returns the groups, the most frequent first.
func (f *failures) sorted() []*failureGroup {
	list := slices.Clone(f.groups)
	slices.SortStableFunc(list, func(a, b *failureGroup) int { return cmp.Compare(b.count, a.count) })
	return list
}
