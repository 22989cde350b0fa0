package main

import (
	"time"

	"github.com/cortexlinux/cortex-host/core/config"
	"github.com/cortexlinux/cortex-host/core/price"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/sdk"
)

// prices returns what answers cost: --price, else the list that comes with this
// program.
func prices(c *config.Config) *price.Book {
	book := price.NewBook()
	if c.Price != nil {
		book.Set("", "", price.PerMillion(c.Price.Input, c.Price.Output))
	}
	return book
}

// limits returns the run's budget.
func limits(c *config.Config) price.Limits {
	l := price.Limits{MaxTokens: c.MaxTotalTokens}
	if c.MaxCost != nil {
		most := sdk.Money(*c.MaxCost * float64(sdk.USD)) // rounded down: never more than what was said
		l.MaxCost = &most
	}
	return l
}

// checkSpent refuses a budget of a resumed run of which nobody knows how much
// of it is used.
func checkSpent(c *config.Config, s sink) error {
	if n := s.unpriced(); n > 0 && c.MaxCost != nil {
		return usagef("leave --max-cost out, or begin anew with --new-run", "--max-cost cannot be kept: what %d calls of this run's earlier sessions cost is not known", n)
	}
	return nil
}

// checkBudget refuses a budget that could not be kept, before anything is asked:
// every lane needs a price, and a bound of its replies.
func checkBudget(c *config.Config, lanes []route.Lane, book *price.Book) error {
	if c.MaxCost == nil && c.MaxTotalTokens == 0 {
		return nil
	}
	for i := range lanes {
		l := &lanes[i]
		if _, known := book.Find(l.Vendor, l.Model, time.Now()); c.MaxCost != nil && !l.Free && !known {
			return usagef("give it with --price IN,OUT, in dollars per million tokens", "--max-cost needs a price, and that of model %q of %s is not known", l.Model, l.Name)
		}
		free := l.Free && c.MaxTotalTokens == 0
		if c.MaxTokens == nil && l.MaxOutput(l.Model) == 0 && !free {
			return usagef("bound the replies with --max-tokens N", "a budget needs a bound of each reply, and none is known for model %q of %s", l.Model, l.Name)
		}
	}
	return nil
}
