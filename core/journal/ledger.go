package journal

import (
	"cmp"
	"slices"

	"github.com/cortexlinux/cortex-host/sdk"
)

// An Open query was sent but has no row.
type Open struct {
	Index int64  `json:"index"`
	ID    string `json:"id"`
	// Attempts counts the calls so far.
	Attempts int `json:"attempts"`
	// InFlight says that the outcome of the last one is not known. If nobody
	// works on the run, it was cut off: the vendor may have billed it.
	InFlight bool `json:"in_flight,omitempty"`
	// Reserved is the most that it can have cost, nil if not known.
	Reserved *sdk.Money `json:"reserved,omitempty"`
}

// A ledger is the state of a run: what its records add up to. Replaying a
// journal and recording a live run go through the same four methods, so the
// two cannot disagree. Not safe for concurrent use.
type ledger struct {
	totals  Totals
	session int // number of the present session, from 0
	last    int64
	open    map[int64]*Open
	// slots is nil in a run's first session, in which no query can have been
	// settled before.
	slots *table
}

func newLedger() *ledger { return &ledger{last: -1, open: map[int64]*Open{}} }

func (l *ledger) started(r *started) {
	o := l.open[r.Index]
	if o == nil {
		o = &Open{Index: r.Index, ID: r.QueryID}
		l.open[r.Index] = o
	}
	o.Attempts++
	o.InFlight, o.Reserved = true, r.Reserved
	l.totals.Attempts++
}

func (l *ledger) ended(r *ended) {
	o := l.open[r.Index]
	if o == nil || !o.InFlight {
		return
	}
	if r.Cost != nil {
		o.Reserved = r.Cost
	}
	l.pay(o)
}

// pay ends the attempt in flight at the price that o.Reserved now tells.
func (l *ledger) pay(o *Open) {
	if o.Reserved != nil {
		l.totals.Spent = l.totals.Spent.Add(*o.Reserved)
	} else {
		l.totals.Unpriced++
	}
	o.InFlight, o.Reserved = false, nil
}

func (l *ledger) settled(r *settled) {
	delete(l.open, r.Index)
	l.last = max(l.last, r.Index)
	l.totals.Usage = l.totals.Usage.Add(r.Usage)
	if l.slots != nil {
		l.count(l.slots.get(r.Index).class(), -1)
		l.slots.set(r.Index, makeSlot(r.Hash, l.session, r.Class))
	}
	l.count(r.Class, 1)
}

func (l *ledger) count(c class, n int64) {
	switch c {
	case classNone:
	case classAnswered:
		l.totals.Answered += n
	case classDegraded:
		l.totals.Degraded += n
	default:
		l.totals.Failed += n
		if l.totals.ByKind == nil {
			l.totals.ByKind = map[sdk.Kind]int64{}
		}
		if l.totals.ByKind[c.kind()] += n; l.totals.ByKind[c.kind()] == 0 {
			delete(l.totals.ByKind, c.kind())
		}
	}
}

// nextSession closes the books of a session that is over: an attempt still in
// flight was cut off and counts as paid.
func (l *ledger) nextSession() {
	for _, o := range l.inFlight() {
		l.totals.Resent++
		l.pay(l.open[o.Index])
	}
	l.session++
}

// inFlight lists the attempts without an outcome, by ordinal.
func (l *ledger) inFlight() []Open {
	return slices.DeleteFunc(l.opened(), func(o Open) bool { return !o.InFlight })
}

// opened lists the queries that were sent and have no row, by ordinal.
func (l *ledger) opened() []Open {
	list := make([]Open, 0, len(l.open))
	for _, o := range l.open {
		list = append(list, *o)
	}
	slices.SortFunc(list, func(a, b Open) int { return cmp.Compare(a.Index, b.Index) })
	return list
}

// clone returns totals that share nothing with t.
func (t Totals) clone() Totals {
	kinds := make(map[sdk.Kind]int64, len(t.ByKind))
	for k, n := range t.ByKind {
		kinds[k] = n
	}
	t.ByKind = kinds
	return t
}
