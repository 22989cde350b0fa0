// Package price knows what answers cost and keeps a run within its budget.
//
// A [Price] is what one model costs; a [Book] finds it by vendor and model. A
// price that is not known is not known: nothing here ever takes it for zero.
//
// A [Budget] is a cap on money and tokens that is never exceeded, however many
// attempts run at once: each reserves the most it could cost before it starts
// ([Price.Bound]) and settles what it did cost when it ends.
package price

import (
	"github.com/cortexlinux/cortex-host/sdk"
)

// A Price is what one model costs per token, by kind of token.
type Price struct {
	// Input, CacheRead, CacheWrite and Output are rates of the kinds of tokens
	// that sdk.Usage counts. CacheRead and CacheWrite are parts of the prompt.
	Input, CacheRead, CacheWrite, Output Rate
	// Request is charged per call.
	Request sdk.Money
}

// A Rate is a price per token, which may be higher in long prompts.
type Rate struct {
	// PerToken applies to prompts of any length.
	PerToken sdk.Money
	// Tiers are ordered by Above; the last one that applies is the rate of
	// every token of the call.
	Tiers []Tier
}

// A Tier is a rate for prompts of more than Above tokens.
type Tier struct {
	Above    int64
	PerToken sdk.Money
}

// at returns the rate in a call with that many prompt tokens.
func (r Rate) at(prompt int64) sdk.Money {
	p := r.PerToken
	for _, t := range r.Tiers {
		if prompt > t.Above {
			p = t.PerToken
		}
	}
	return p
}

// upTo returns the highest rate of all calls with at most that many prompt
// tokens.
func (r Rate) upTo(prompt int64) sdk.Money {
	p := r.PerToken
	for _, t := range r.Tiers {
		if prompt > t.Above {
			p = max(p, t.PerToken)
		}
	}
	return p
}

// Cost returns what a call with this usage costs.
func (p Price) Cost(u sdk.Usage) sdk.Money {
	plain := max(0, u.PromptTokens-u.CachedTokens-u.CacheWriteTokens)
	return p.Request.
		Add(p.Input.at(u.PromptTokens).Times(plain)).
		Add(p.CacheRead.at(u.PromptTokens).Times(u.CachedTokens)).
		Add(p.CacheWrite.at(u.PromptTokens).Times(u.CacheWriteTokens)).
		Add(p.Output.at(u.PromptTokens).Times(u.CompletionTokens))
}

// Bound returns the most that a call with at most so many tokens can cost.
func (p Price) Bound(prompt, output int64) sdk.Money {
	in := max(p.Input.upTo(prompt), p.CacheRead.upTo(prompt), p.CacheWrite.upTo(prompt))
	return p.Request.Add(in.Times(prompt)).Add(p.Output.upTo(prompt).Times(output))
}
