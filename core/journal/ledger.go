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
	// InFlight says that the last one has no outcome yet.
	InFlight bool `json:"in_flight,omitempty"`
	// CutOff says that the process died, or the power failed, before there was
	// a row. The vendor may have billed it, and will again if it is asked again.
	CutOff bool `json:"cut_off,omitempty"`
	// Reserved is the most that an attempt in flight can cost, nil if not
	// known.
	Reserved *sdk.Money `json:"reserved,omitempty"`

	// tokens are the most that an attempt in flight can use.
	tokens int64
	// billed says that the last attempt has ended and may have been billed: a
	// row should have followed, or a retry of something in doubt.
	billed bool
}

// A ledger is the state of a run: what its records add up to. Replaying a
// journal and recording a live run go through the same four methods, so the
// two cannot disagree. Not safe for concurrent use.
type ledger struct {
	totals  Totals
	session int // number of the present session, from 0
	last    int64
	open    map[int64]Open
	// slots is nil in a run's first session, in which no query can have been
	// settled before.
	slots *table
}

func newLedger() *ledger { return &ledger{last: -1, open: map[int64]Open{}} }

func (l *ledger) started(r *started) {
	before := l.open[r.Index]
	if before.CutOff {
		l.totals.Resent++
	}
	l.open[r.Index] = Open{Index: r.Index, ID: r.QueryID, Attempts: before.Attempts + 1, InFlight: true, Reserved: r.Reserved, tokens: r.ReservedTokens}
	l.totals.Attempts++
}

func (l *ledger) ended(r *ended) {
	o := l.open[r.Index]
	if !o.InFlight {
		return
	}
	o.billed = r.Kind == "" || r.Cost == nil || *r.Cost != 0
	if r.Cost != nil {
		o.Reserved = r.Cost
	}
	if r.Tokens != nil {
		o.tokens = *r.Tokens
	}
	l.pay(&o)
	l.open[r.Index] = o
}

// pay ends the attempt in flight at the price that o.Reserved now tells, and
// with the tokens of o.tokens.
func (l *ledger) pay(o *Open) {
	if o.Reserved != nil {
		l.totals.Spent = l.totals.Spent.Add(*o.Reserved)
	} else {
		l.totals.Unpriced++
	}
	l.totals.Tokens += o.tokens
	o.InFlight, o.Reserved, o.tokens = false, nil, 0
}

func (l *ledger) settled(r *settled) {
	if o := l.open[r.Index]; o.InFlight {
		l.pay(&o) // nobody waits for the call any longer, and its end finds no query
	}
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
// flight was cut off and counts as paid, and so was an answer without a row.
func (l *ledger) nextSession() {
	for i, o := range l.open {
		if o.InFlight {
			o.billed = true
			l.pay(&o)
		}
		o.CutOff = o.CutOff || o.billed
		l.open[i] = o
	}
	l.session++
}

// lost notes that the row of a query is gone.
func (l *ledger) lost(index int64) {
	if o, ok := l.open[index]; ok {
		o.CutOff = true
		l.open[index] = o
	}
}

// cutOff lists the queries that were cut off and not asked again since.
func (l *ledger) cutOff() []Open {
	return slices.DeleteFunc(l.opened(), func(o Open) bool { return !o.CutOff })
}

// opened lists the queries that were sent and have no row, by ordinal.
func (l *ledger) opened() []Open {
	list := make([]Open, 0, len(l.open))
	for _, o := range l.open {
		list = append(list, o)
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
