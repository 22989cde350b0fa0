package executor

import (
	"strings"
	"time"

	"github.com/cortexlinux/cortex-host/core/price"
	"github.com/cortexlinux/cortex-host/core/retry"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/sdk"
)

// PriceOf returns the present price of a lane's model, false if it is not
// known: none at all on a free lane, else one that was set under the name of its
// instance, else the vendor's.
func PriceOf(book *price.Book, l *route.Lane, model string) (price.Price, bool) {
	if l.Free {
		return price.Price{}, true
	}
	if p, ok := book.Own(l.Group(), model); ok {
		return p, true
	}
	vendor := l.Vendor
	if vendor == "" {
		vendor = l.Group()
	}
	return book.Find(vendor, model, time.Now())
}

// priceOf returns the price of a model that answered: that of the model asked
// for or, where nobody named one, of the model served.
func (e *Executor) priceOf(l *lane, served string) (price.Price, bool) {
	if l.priced || served == "" || l.key.model != "" {
		return l.price, l.priced
	}
	if found, ok := l.servedPrices.Load(served); ok {
		p := found.(*price.Price)
		return *p, true
	}
	p, ok := PriceOf(e.cfg.Prices, l.Lane, served)
	if ok && l.servedKnown.Add(1) <= maxServed {
		l.servedPrices.Store(strings.Clone(served), &p) // it may be part of the whole reply
	}
	return p, ok
}

// bound returns the most that one attempt at a query can use on this lane.
func (l *lane) bound(q *sdk.Query) (price.Hold, *sdk.Error) {
	return price.BoundOf(q, l.price, l.MaxOutput(l.key.model))
}

// most returns the most that an attempt can cost and the most tokens that it
// can use; nil and 0 if there is no bound. A record has it even if this run has
// no budget: one that continues it may have.
func (l *lane) most(q *sdk.Query) (cost *sdk.Money, tokens int64) {
	hold, err := l.bound(q)
	switch {
	case err != nil && !l.Free:
		return nil, 0
	case l.priced:
		cost = new(hold.Cost)
	}
	return cost, hold.Tokens
}

// tokens returns how many an attempt used, false if that is not known.
func (out *outcome) tokens() (n int64, known bool) {
	switch {
	case out.inDoubt():
		return 0, false
	case out.usage != nil:
		return out.usage.TotalTokens(), true
	}
	return 0, out.unsent || out.err != nil && !out.mayBeBilled()
}

// costOf returns what an attempt cost, nil if that is not known.
func (e *Executor) costOf(l *lane, out *outcome) *sdk.Money {
	served := ""
	if out.resp != nil {
		served = out.resp.ModelServed
	}
	switch {
	case l.Free:
		return new(sdk.Money)
	case out.inDoubt():
		return nil
	case out.resp != nil && out.resp.Cost != nil:
		return out.resp.Cost
	case out.err != nil && !out.mayBeBilled():
		return new(sdk.Money)
	case out.usage == nil:
		return nil
	}
	if p, ok := e.priceOf(l, served); ok {
		return new(p.Cost(*out.usage))
	}
	return nil
}

// inDoubt reports whether nobody knows what an attempt used, whatever it told
// before it failed.
func (out *outcome) inDoubt() bool {
	if out.err == nil || out.unsent || out.noBill {
		return false
	}
	switch out.err.Kind {
	case sdk.InDoubt, sdk.Internal, sdk.Canceled, sdk.DeadlineExceeded:
		return true
	}
	return false
}

// mayBeBilled reports whether a failed call may have been paid for.
func (out *outcome) mayBeBilled() bool {
	kind := out.err.Kind
	return !out.noBill && (kind == sdk.Canceled || kind == sdk.DeadlineExceeded || retry.RuleOf(kind, 0).Paid)
}

// used is what an attempt takes from the budget. What is not known counts at
// its bound.
func (t *task) used(out *outcome) price.Hold {
	used := t.hold
	if out.cost != nil {
		used.Cost = *out.cost
	}
	if n, known := out.tokens(); known {
		used.Tokens = n
	}
	if out.unsent {
		used.Cost = 0
	}
	return used
}
