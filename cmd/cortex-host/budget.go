package main

import (
	"os"
	"slices"
	"strings"

	"github.com/cortexlinux/cortex-host/core/config"
	"github.com/cortexlinux/cortex-host/core/executor"
	"github.com/cortexlinux/cortex-host/core/price"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/sdk"
)

// prices returns what answers cost: --price, else --price-file, else the list
// that comes with this program.
func prices(c *config.Config, lanes []route.Lane) (*price.Book, error) {
	book := price.NewBook()
	if c.PriceFile != "" {
		data, err := os.ReadFile(c.PriceFile)
		if err != nil {
			return nil, usagef("", "price file: %w", err)
		}
		if err := book.Override(data); err != nil {
			return nil, usagef(`it is JSON: {"VENDOR/MODEL": {"input": 0.15, "output": 0.6}}, in dollars per million tokens`, "%w", err)
		}
	}
	if c.Price == nil {
		return book, nil
	}
	of := lanes[0].Group()
	for i := range lanes {
		if c.Provider == "" && lanes[i].Group() != of {
			return nil, usagef("name it with --provider, or give the prices of each with --price-file",
				"--price is the price of one provider, and this run asks %s and %s", of, lanes[i].Group())
		}
	}
	p := price.PerMillion(c.Price.Input, c.Price.Output)
	if c.Price.Cached != nil {
		p = p.WithCached(*c.Price.Cached)
	}
	book.SetAll(of, p)
	return book, nil
}

// priceSource says where the price of a lane's model is from.
func priceSource(c *config.Config, lanes []route.Lane, l *route.Lane, book *price.Book) string {
	if c.Price != nil && l.Group() == lanes[0].Group() {
		return "--price"
	}
	for _, name := range []string{l.Group(), l.Vendor, ""} {
		if _, ok := book.Own(name, l.Model); ok {
			return c.PriceFile
		}
	}
	return book.Source()
}

// nameSources says in a plan where the prices of the lanes that it uses are from:
// the executor knows of the built-in list only.
func (j *job) nameSources(p *executor.Plan) {
	if p.Prices == "" {
		return // of no lane
	}
	var list []string
	for i := range j.lanes {
		l := &j.lanes[i]
		if _, known := executor.PriceOf(j.prices, l, l.Model); !known || l.Free || p.Lanes[l.Name] == 0 {
			continue
		}
		if source := priceSource(j.config, j.lanes, l, j.prices); !slices.Contains(list, source) {
			list = append(list, source)
		}
	}
	p.Prices = strings.Join(list, "; ")
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

// ownWords are what all queries of a run say themselves, and so need not get
// from the run: their model, and a bound of their reply.
type ownWords struct{ model, bound bool }

// add takes a query, or a row that is none, into account.
func (w *ownWords) add(q *sdk.Query, err error) {
	if err != nil {
		return
	}
	w.model = w.model && q.Model != ""
	w.bound = w.bound && (q.MaxTokens != nil || q.Options["max_completion_tokens"] != nil)
}

// checkBudget refuses a budget that could not be kept, before anything is asked:
// every lane needs a price, and a bound of its replies. What queries say
// themselves is looked at when their turn comes.
func checkBudget(c *config.Config, lanes []route.Lane, book *price.Book, say ownWords) error {
	if c.MaxCost == nil && c.MaxTotalTokens == 0 {
		return nil
	}
	for i := range lanes {
		l := &lanes[i]
		if _, known := executor.PriceOf(book, l, l.Model); c.MaxCost != nil && !known && !say.model {
			hint := "give it with --price IN,OUT, in dollars per million tokens"
			if l.Model == "" {
				hint = "name the model with --model, or give its price with --price IN,OUT, in dollars per million tokens"
			}
			return usagef(hint, "--max-cost needs a price, and that of model %q of %s is not known", l.Model, l.Name)
		}
		free := l.Free && c.MaxTotalTokens == 0
		if c.MaxTokens == nil && l.MaxOutput(l.Model) == 0 && !free && !say.bound {
			return usagef("bound the replies with --max-tokens N", "a budget needs a bound of each reply, and none is known for model %q of %s", l.Model, l.Name)
		}
	}
	return nil
}
