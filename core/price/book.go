package price

import "github.com/cortexlinux/cortex-host/sdk"

// A Book finds prices. The zero value knows none.
type Book struct {
	fixed map[[2]string]Price // by vendor and model
}

// Find returns the price of a vendor's model, false if it is not known.
func (b *Book) Find(vendor, model string) (Price, bool) {
	if b == nil {
		return Price{}, false
	}
	for _, key := range [][2]string{{vendor, model}, {vendor, ""}, {"", model}, {"", ""}} {
		if p, ok := b.fixed[key]; ok {
			return p, true
		}
	}
	return Price{}, false
}

// Set overrides the price of a vendor's model. An empty vendor or model stands
// for every one that has no price of its own in the book's overrides.
func (b *Book) Set(vendor, model string, p Price) {
	if b.fixed == nil {
		b.fixed = make(map[[2]string]Price)
	}
	b.fixed[[2]string{vendor, model}] = p
}

// PerMillion makes a price from dollars per million tokens, the way vendors
// quote them.
func PerMillion(input, output float64) Price {
	in, out := perToken(input), perToken(output)
	return Price{Input: Rate{PerToken: in}, CacheRead: Rate{PerToken: in}, CacheWrite: Rate{PerToken: in}, Output: Rate{PerToken: out}}
}

func perToken(usdPerMillion float64) sdk.Money { return sdk.MoneyFromUSD(usdPerMillion / 1e6) }
