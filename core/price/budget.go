package price

import (
	"fmt"
	"sync"

	"github.com/cortexlinux/cortex-host/sdk"
)

// Limits are the caps of a run. The zero value caps nothing.
type Limits struct {
	// MaxCost caps the money that is spent, nil does not.
	MaxCost *sdk.Money
	// MaxTokens caps prompt and completion tokens together, 0 does not.
	MaxTokens int64
	// SpentCost and SpentTokens were used before: the earlier part of a run
	// that is resumed.
	SpentCost   sdk.Money
	SpentTokens int64
}

// A Hold is what an attempt has reserved.
type Hold struct {
	Cost   sdk.Money `json:"cost"`
	Tokens int64     `json:"tokens"`
}

// An Admission is a budget's answer to a reservation.
type Admission int

// The admissions.
const (
	// Held: it is reserved.
	Held Admission = iota
	// Later: not now, but attempts that are under way may give enough back.
	Later
	// Never: what is left is too little, and nothing will be given back.
	Never
)

// A Budget caps what a run spends. Spent plus held never exceeds the caps. It
// is safe for concurrent use.
type Budget struct {
	limits Limits

	mu          sync.Mutex
	spent, held Hold
}

// NewBudget returns a budget from which the limits' earlier spending is taken.
func NewBudget(limits Limits) (*Budget, error) {
	if limits.MaxCost != nil && *limits.MaxCost < 0 || limits.MaxTokens < 0 || limits.SpentCost < 0 || limits.SpentTokens < 0 {
		return nil, fmt.Errorf("a budget cannot be negative: max cost %v, max tokens %d", limits.MaxCost, limits.MaxTokens)
	}
	return &Budget{limits: limits, spent: Hold{limits.SpentCost, limits.SpentTokens}}, nil
}

// CapsCost reports whether there is a cap on money: then every attempt needs a
// known price.
func (b *Budget) CapsCost() bool { return b.limits.MaxCost != nil }

// CapsTokens reports whether there is a cap on tokens.
func (b *Budget) CapsTokens() bool { return b.limits.MaxTokens > 0 }

// Capped reports whether there is any cap.
func (b *Budget) Capped() bool { return b.CapsCost() || b.CapsTokens() }

// Exceeds reports whether h is more than the whole budget.
func (b *Budget) Exceeds(h Hold) bool { return b.over(h) }

// Reserve holds h, all of it or nothing.
func (b *Budget) Reserve(h Hold) Admission {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.over(b.spent.plus(h)):
		return Never
	case b.over(b.spent.plus(b.held).plus(h)):
		return Later
	}
	b.held = b.held.plus(h)
	return Held
}

// Settle gives a hold back and books what was used instead.
func (b *Budget) Settle(h, used Hold) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held = Hold{b.held.Cost - h.Cost, b.held.Tokens - h.Tokens}
	b.spent = b.spent.plus(used)
}

// Left is what a budget still has; nil is not capped.
type Left struct {
	Cost   *sdk.Money
	Tokens *int64
}

// Left returns what is neither spent nor held.
func (b *Budget) Left() Left {
	spent, held := b.Spent()
	var left Left
	if b.limits.MaxCost != nil {
		left.Cost = new(max(0, *b.limits.MaxCost-spent.Cost-held.Cost))
	}
	if b.limits.MaxTokens > 0 {
		left.Tokens = new(max(0, b.limits.MaxTokens-spent.Tokens-held.Tokens))
	}
	return left
}

// Spent returns what was used so far, earlier parts of the run included, and
// what is held for attempts under way.
func (b *Budget) Spent() (spent, held Hold) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.spent, b.held
}

func (b *Budget) over(h Hold) bool {
	return b.limits.MaxCost != nil && h.Cost > *b.limits.MaxCost ||
		b.limits.MaxTokens > 0 && h.Tokens > b.limits.MaxTokens
}

func (h Hold) plus(g Hold) Hold { return Hold{h.Cost.Add(g.Cost), h.Tokens + g.Tokens} }
