// Package price knows what answers cost and keeps a run within its budget.
//
// A [Price] is what one model costs; a [Book] finds it by vendor and model: in
// a price list that is built in, unless the user has set another price. A
// price that is not known is not known: nothing here ever takes it for zero.
//
// A [Budget] is a cap on money and tokens that is never exceeded, however many
// attempts run at once: each reserves the most it could cost before it starts
// ([BoundOf]) and settles what it did cost when it ends.
package price

import (
	"cmp"
	"slices"

	"github.com/cortexlinux/cortex-host/sdk"
)

// A Price is what one model costs per token, by kind of token, as
// [sdk.Usage] counts them: CacheRead and CacheWrite are parts of the prompt,
// Reasoning is a part of the completion.
type Price struct {
	Input, CacheRead, CacheWrite, Output, Reasoning Rate
	// Request is charged per call.
	Request sdk.Money
}

// A Rate is a price per token, which may be another one in long prompts.
type Rate struct {
	// PerToken applies to short prompts.
	PerToken sdk.Money
	// Tiers are ordered by Above; the last one that applies is the rate of
	// every token of the call.
	Tiers []Tier
}

// A Tier is the rate of calls with more than Above prompt tokens.
type Tier struct {
	Above    int64
	PerToken sdk.Money
}

// Cost returns what a call with this usage costs.
func (p Price) Cost(u sdk.Usage) sdk.Money {
	prompt := u.PromptTokens
	plain := max(0, prompt-u.CachedTokens-u.CacheWriteTokens)
	spoken := max(0, u.CompletionTokens-u.ReasoningTokens)
	return p.Request.
		Add(p.Input.at(prompt).Times(plain)).
		Add(p.CacheRead.at(prompt).Times(u.CachedTokens)).
		Add(p.CacheWrite.at(prompt).Times(u.CacheWriteTokens)).
		Add(p.Output.at(prompt).Times(spoken)).
		Add(p.Reasoning.at(prompt).Times(u.ReasoningTokens))
}

// Bound returns the most that a call with at most so many tokens can cost.
func (p Price) Bound(prompt, output int64) sdk.Money {
	in := max(p.Input.upTo(prompt), p.CacheRead.upTo(prompt), p.CacheWrite.upTo(prompt))
	out := max(p.Output.upTo(prompt), p.Reasoning.upTo(prompt))
	return p.Request.Add(in.Times(prompt)).Add(out.Times(output))
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

// dearer returns the rate that is the higher of both everywhere.
func (r Rate) dearer(s Rate) Rate {
	out := Rate{PerToken: max(r.PerToken, s.PerToken)}
	for _, t := range append(append([]Tier{}, r.Tiers...), s.Tiers...) {
		out.Tiers = append(out.Tiers, Tier{t.Above, max(r.at(t.Above+1), s.at(t.Above+1))})
	}
	slices.SortFunc(out.Tiers, func(a, b Tier) int { return cmp.Compare(a.Above, b.Above) })
	return out
}

func (p Price) dearer(q Price) Price {
	return Price{
		Input: p.Input.dearer(q.Input), CacheRead: p.CacheRead.dearer(q.CacheRead), CacheWrite: p.CacheWrite.dearer(q.CacheWrite),
		Output: p.Output.dearer(q.Output), Reasoning: p.Reasoning.dearer(q.Reasoning), Request: max(p.Request, q.Request),
	}
}
