package price

import (
	"bytes"
	_ "embed" // the price list
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

//go:embed prices.json
var embedded []byte

// A Book finds prices: first among those that were set, then in the price list
// that is built in. Make it with [NewBook]; the zero value knows only what was
// set. Do not change a book while it is in use.
type Book struct {
	set  map[[2]string]Price // by vendor and model
	list func() (*list, error)
}

// NewBook returns a book with the built-in price list, which is decoded when
// it is first asked.
func NewBook() *Book {
	return &Book{list: sync.OnceValues(func() (*list, error) { return readList(embedded) })}
}

// Source says where the built-in prices are from, and of which date.
func (b *Book) Source() string {
	if l := b.builtIn(); l != nil {
		return fmt.Sprintf("%s, as of %s", l.Source, l.Date)
	}
	return "none"
}

func (b *Book) builtIn() *list {
	if b == nil || b.list == nil {
		return nil
	}
	l, err := b.list()
	if err != nil {
		return nil // a test sees to it that the built-in list can be read
	}
	return l
}

// Find returns the price of a vendor's model at a time, false if it is not
// known.
func (b *Book) Find(vendor, model string, at time.Time) (Price, bool) {
	if b == nil {
		return Price{}, false
	}
	for _, key := range [][2]string{{vendor, model}, {vendor, ""}, {"", model}, {"", ""}} {
		if p, ok := b.set[key]; ok {
			return p, true
		}
	}
	if l := b.builtIn(); l != nil {
		return l.find(vendor, strings.ToLower(model), at)
	}
	return Price{}, false
}

// Own returns the price that was set under this name, false without one: what
// the built-in list says is not asked.
func (b *Book) Own(name, model string) (Price, bool) {
	if b == nil {
		return Price{}, false
	}
	for _, key := range [][2]string{{name, model}, {name, ""}} {
		if p, ok := b.set[key]; ok {
			return p, true
		}
	}
	return Price{}, false
}

// Vendor returns the name under which the built-in list has the vendor behind
// a base URL, or an empty string.
func (b *Book) Vendor(baseURL string) string {
	if l := b.builtIn(); l != nil {
		for _, v := range l.Vendors {
			if api, err := v.api(); err == nil && api.MatchString(baseURL) {
				return v.ID
			}
		}
	}
	return ""
}

// Set overrides the price of a vendor's model. An empty vendor or model stands
// for every one that was not set itself.
func (b *Book) Set(vendor, model string, p Price) {
	if b.set == nil {
		b.set = make(map[[2]string]Price)
	}
	b.set[[2]string{vendor, model}] = p
}

// SetAll overrides the price of all models of a vendor, also of those that were
// set themselves.
func (b *Book) SetAll(vendor string, p Price) {
	maps.DeleteFunc(b.set, func(key [2]string, _ Price) bool { return key[0] == vendor })
	b.Set(vendor, "", p)
}

// Override reads a user's own prices, a JSON object such as
//
//	{"openai/gpt-x": {"input": 0.15, "output": 0.6, "cache_read": 0.075}}
//
// in US dollars per million tokens. The key is vendor/model, or the name of a
// provider instance and the model; either may be empty. Further fields are cache_write, cache_write_1h, reasoning and
// per_1000_requests; a rate may be {"base": 1, "tiers": [{"start": 200000,
// "price": 2}]}.
func (b *Book) Override(data []byte) error {
	var table map[string]json.RawMessage
	if err := json.Unmarshal(data, &table); err != nil {
		return fmt.Errorf("price file: %w", err)
	}
	for key, raw := range table {
		vendor, model, ok := strings.Cut(key, "/")
		if !ok {
			return fmt.Errorf(`price file: %q is not of the form "vendor/model"`, key)
		}
		var q quote
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&q); err != nil {
			return fmt.Errorf("price file: %s: %w", key, err)
		}
		if q.Input == nil || q.Output == nil {
			return fmt.Errorf("price file: %s: input and output are both needed", key)
		}
		p, err := q.price()
		if err != nil {
			return fmt.Errorf("price file: %s: %w", key, err)
		}
		b.Set(vendor, model, p)
	}
	return nil
}

// PerMillion makes a price from dollars per million tokens, the way vendors
// quote them.
func PerMillion(input, output float64) Price {
	in := Rate{PerToken: perToken(input)}
	out := Rate{PerToken: perToken(output)}
	return Price{Input: in, CacheRead: in, CacheWrite: in, Output: out, Reasoning: out}
}

// WithCached returns the price with another one for prompt tokens that are read
// from the vendor's cache.
func (p Price) WithCached(usdPerMillion float64) Price {
	p.CacheRead = Rate{PerToken: perToken(usdPerMillion)}
	return p
}

func perToken(usdPerMillion float64) sdk.Money { return sdk.MoneyFromUSD(usdPerMillion / 1e6) }

// A list is the price list in prices.json.
type list struct {
	Source  string    `json:"source"`
	Date    string    `json:"date"`
	Vendors []*vendor `json:"vendors"`
}

// A vendor is decoded as far as it is asked about: a run asks about one, of
// fifty, and waits for it.
type vendor struct {
	ID         string          `json:"id"`
	APIPattern string          `json:"api_pattern"`
	Fallbacks  []string        `json:"fallback_model_providers"`
	Models     json.RawMessage `json:"models"`
	models     func() ([]*model, error)
	api        func() (*regexp.Regexp, error)
}

type model struct {
	ID     string   `json:"id"`
	Match  matcher  `json:"match"`
	Prices []period `json:"prices"`
}

// A period is a price from a date on. If it is hourly, it holds for some hours
// of the day.
type period struct {
	From   string `json:"from"`
	Hourly bool   `json:"hourly"`
	Prices quote  `json:"prices"`
}

func readList(data []byte) (*list, error) {
	var l list
	if err := json.Unmarshal(data, &l); err != nil {
		return nil, fmt.Errorf("price list: %w", err)
	}
	for _, v := range l.Vendors {
		v.models = sync.OnceValues(func() (models []*model, err error) {
			err = json.Unmarshal(v.Models, &models)
			return models, err
		})
		v.api = sync.OnceValues(func() (*regexp.Regexp, error) {
			return regexp.Compile("^(?:" + v.APIPattern + ")")
		})
	}
	return &l, nil
}

func (l *list) find(name, model string, at time.Time) (Price, bool) {
	for _, v := range l.Vendors {
		if v.ID != name {
			continue
		}
		models, err := v.models()
		if err != nil {
			return Price{}, false // as for the list
		}
		for _, m := range models {
			if m.ID == model || m.Match.matches(model) {
				return m.at(at)
			}
		}
		for _, fallback := range v.Fallbacks {
			if p, ok := l.find(fallback, model, at); ok {
				return p, true
			}
		}
	}
	return Price{}, false
}

// at returns the price at a time. A price that depends on the hour counts at
// its dearest: a call may start in one hour and be billed in the next.
func (m *model) at(at time.Time) (Price, bool) {
	var found Price
	ok := false
	date := at.UTC().Format(time.DateOnly)
	for _, p := range m.Prices {
		if p.From > date || p.Prices.Input == nil || p.Prices.Output == nil {
			continue
		}
		price, err := p.Prices.price()
		if err != nil {
			continue
		}
		if p.Hourly && ok {
			price = price.dearer(found)
		}
		found, ok = price, true
	}
	return found, ok
}
