package price

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/cortexlinux/cortex-host/sdk"
)

// A quote is a price as people write it: US dollars per million tokens.
type quote struct {
	Input        *rate    `json:"input"`
	Output       *rate    `json:"output"`
	CacheRead    *rate    `json:"cache_read"`
	CacheWrite   *rate    `json:"cache_write"`
	CacheWrite1h *rate    `json:"cache_write_1h"`
	Reasoning    *rate    `json:"reasoning"`
	PerThousand  *float64 `json:"per_1000_requests"`
}

// A rate is a number, or a number for short prompts and others for long ones.
type rate struct {
	Base  float64
	Tiers []struct {
		Start int64   `json:"start"`
		Price float64 `json:"price"`
	}
}

func (r *rate) UnmarshalJSON(data []byte) error {
	if json.Unmarshal(data, &r.Base) == nil {
		return nil
	}
	type tiered struct {
		Base  float64 `json:"base"`
		Tiers []struct {
			Start int64   `json:"start"`
			Price float64 `json:"price"`
		} `json:"tiers"`
	}
	var t tiered
	if err := json.Unmarshal(data, &t); err != nil {
		return fmt.Errorf(`a rate is a number of US dollars per million tokens, or {"base": ..., "tiers": [...]}, not %.40s`, data)
	}
	r.Base, r.Tiers = t.Base, t.Tiers
	return nil
}

// price converts the quote. What has no rate of its own costs what input or
// output costs; a longer cache counts at the dearer of the two rates.
func (q *quote) price() (Price, error) {
	var p Price
	if err := q.check(); err != nil {
		return p, err
	}
	p.Input, p.Output = q.Input.perToken(), q.Output.perToken()
	p.CacheRead, p.CacheWrite, p.Reasoning = p.Input, p.Input, p.Output
	if q.CacheRead != nil {
		p.CacheRead = q.CacheRead.perToken()
	}
	if q.CacheWrite != nil {
		p.CacheWrite = q.CacheWrite.perToken()
	}
	if q.CacheWrite1h != nil {
		p.CacheWrite = p.CacheWrite.dearer(q.CacheWrite1h.perToken())
	}
	if q.Reasoning != nil {
		p.Reasoning = q.Reasoning.perToken()
	}
	if q.PerThousand != nil {
		p.Request = sdk.MoneyFromUSD(*q.PerThousand / 1000)
	}
	return p, nil
}

func (q *quote) check() error {
	bad := func(f float64) bool { return math.IsNaN(f) || f < 0 || f > 1e6 }
	for _, r := range []*rate{q.Input, q.Output, q.CacheRead, q.CacheWrite, q.CacheWrite1h, q.Reasoning} {
		if r == nil {
			continue
		}
		if bad(r.Base) {
			return fmt.Errorf("%v is no price in US dollars per million tokens", r.Base)
		}
		for _, t := range r.Tiers {
			if bad(t.Price) {
				return fmt.Errorf("%v is no price in US dollars per million tokens", t.Price)
			}
		}
	}
	if q.PerThousand != nil && bad(*q.PerThousand) {
		return fmt.Errorf("%v is no price in US dollars per 1000 requests", *q.PerThousand)
	}
	return nil
}

// perToken converts a rate; a missing one is free.
func (r *rate) perToken() Rate {
	if r == nil {
		return Rate{}
	}
	out := Rate{PerToken: perToken(r.Base)}
	for _, t := range r.Tiers {
		out.Tiers = append(out.Tiers, Tier{Above: t.Start, PerToken: perToken(t.Price)})
	}
	return out
}
