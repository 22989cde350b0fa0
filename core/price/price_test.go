package price_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cortexlinux/cortex-host/core/price"
	"github.com/cortexlinux/cortex-host/sdk"
)

var today = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func usd(f float64) sdk.Money { return sdk.MoneyFromUSD(f) }

func TestBuiltInPrices(t *testing.T) {
	b := price.NewBook()
	if s := b.Source(); !strings.Contains(s, "genai-prices") || !strings.Contains(s, "as of 20") {
		t.Errorf("source %q", s)
	}
	for _, c := range []struct {
		vendor, model string
		usage         sdk.Usage
		want          float64
	}{
		{"openai", "gpt-4o", sdk.Usage{PromptTokens: 1000, CompletionTokens: 100}, 0.0025 + 0.001},
		{"openai", "gpt-4o-2024-08-06", sdk.Usage{PromptTokens: 1000, CachedTokens: 400, CompletionTokens: 100}, 0.0015 + 0.0005 + 0.001},
		{"openai", "GPT-4o-mini", sdk.Usage{PromptTokens: 1_000_000}, 0.15},
		{"azure", "gpt-4o", sdk.Usage{PromptTokens: 1000, CompletionTokens: 100}, 0.0035},
		{"anthropic", "claude-3-5-haiku-20241022", sdk.Usage{PromptTokens: 3000, CachedTokens: 1000, CacheWriteTokens: 1000, CompletionTokens: 1000}, 0.0008 + 0.00008 + 0.0016 + 0.004},
		{"google", "gemini-2.5-pro", sdk.Usage{PromptTokens: 200_000, CompletionTokens: 1000}, 0.25 + 0.01},
		{"google", "gemini-2.5-pro", sdk.Usage{PromptTokens: 300_000, CompletionTokens: 1000}, 0.75 + 0.015},
	} {
		p, ok := b.Find(c.vendor, c.model, today)
		if !ok {
			t.Errorf("%s %s: no price", c.vendor, c.model)
			continue
		}
		if got := p.Cost(c.usage); got != usd(c.want) {
			t.Errorf("%s %s: %+v costs %v, want %v", c.vendor, c.model, c.usage, got.USD(), c.want)
		}
	}
	// Dearest hour of the day.
	night, _ := b.Find("deepseek", "deepseek-chat", time.Date(2025, 8, 1, 20, 0, 0, 0, time.UTC))
	day, _ := b.Find("deepseek", "deepseek-chat", time.Date(2025, 8, 1, 10, 0, 0, 0, time.UTC))
	if fmt.Sprint(night) != fmt.Sprint(day) {
		t.Error("the price depends on the hour of the call")
	}
	for _, c := range [][2]string{{"openai", "no-such-model"}, {"nobody", "gpt-4o"}, {"", ""}} {
		if p, ok := b.Find(c[0], c[1], today); ok {
			t.Errorf("%v has the price %+v", c, p)
		}
	}
	for url, want := range map[string]string{
		"https://api.openai.com/v1": "openai", "https://api.moonshot.ai/v1": "moonshotai", "https://api.anthropic.com": "anthropic",
		"https://example.com/?https://api.openai.com": "", "http://localhost:11434": "",
	} {
		if got := b.Vendor(url); got != want {
			t.Errorf("the vendor of %s is %q, want %q", url, got, want)
		}
	}
}

func TestUserPrices(t *testing.T) {
	b := price.NewBook()
	err := b.Override([]byte(`{
		"openai/gpt-4o": {"input": 1, "output": 2},
		"mine/": {"input": {"base": 1, "tiers": [{"start": 10, "price": 3}]}, "output": 4, "reasoning": 8, "per_1000_requests": 5}}`))
	if err != nil {
		t.Fatal(err)
	}
	p, _ := b.Find("openai", "gpt-4o", today)
	if got := p.Cost(sdk.Usage{PromptTokens: 1e6, CompletionTokens: 1e6, CachedTokens: 5e5}); got != usd(3) {
		t.Errorf("costs %v", got)
	}
	p, ok := b.Find("mine", "anything", today)
	if got := p.Cost(sdk.Usage{PromptTokens: 20, CompletionTokens: 10, ReasoningTokens: 4}); !ok || got != usd(0.005+60e-6+24e-6+32e-6) {
		t.Errorf("costs %v", got.USD())
	}
	for data, want := range map[string]string{
		`[]`:                                  "price file",
		`{"x": {"input": 1}}`:                 `not of the form "vendor/model"`,
		`{"a/b": {"input": 1}}`:               "input and output are both needed",
		`{"a/b": {"inptu": 1}}`:               "inptu",
		`{"a/b": {"input": "free"}}`:          "a rate is a number",
		`{"a/b": {"input": -1, "output": 1}}`: "-1 is no price",
	} {
		if err := b.Override([]byte(data)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", data, err, want)
		}
	}
}

func TestOwnPrices(t *testing.T) {
	b := price.NewBook()
	b.Set("mine", "", price.PerMillion(0.15, 0.60).WithCached(0.075))
	p, ok := b.Own("mine", "any")
	if !ok || p.Cost(sdk.Usage{PromptTokens: 2e6, CachedTokens: 1e6, CompletionTokens: 1e6}) != usd(0.825) {
		t.Errorf("%+v, %v", p, ok)
	}
	b.Set("mine", "one", price.PerMillion(1, 2))
	b.SetAll("mine", price.PerMillion(3, 4))
	if p, _ := b.Own("mine", "one"); p.Input.PerToken != price.PerMillion(3, 4).Input.PerToken {
		t.Errorf("the price of one model outlives that of all: %+v", p)
	}
	if _, ok := b.Own("openai", "gpt-4o-mini"); ok {
		t.Error("the built-in list is nobody's own")
	}
	if _, ok := (*price.Book)(nil).Own("mine", "any"); ok {
		t.Error("no book has a price")
	}
}

// drawPrice draws any price with tiers.
func drawPrice(t *rapid.T) price.Price {
	rate := func(name string) price.Rate {
		r := price.Rate{PerToken: sdk.Money(rapid.Int64Range(0, 1e9).Draw(t, name))}
		if rapid.Bool().Draw(t, name+" tier") {
			r.Tiers = []price.Tier{{Above: rapid.Int64Range(1, 3000).Draw(t, name+" above"), PerToken: sdk.Money(rapid.Int64Range(0, 1e9).Draw(t, name+" then"))}}
		}
		return r
	}
	return price.Price{Input: rate("input"), CacheRead: rate("read"), CacheWrite: rate("write"), Output: rate("output"), Reasoning: rate("reasoning"),
		Request: sdk.Money(rapid.Int64Range(0, 1e9).Draw(t, "request"))}
}

// Whatever a call uses within its bounds, it costs no more than its bound.
func TestNothingCostsMoreThanItsBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPrice(t)
		prompt, output := rapid.Int64Range(0, 5000).Draw(t, "prompt"), rapid.Int64Range(0, 5000).Draw(t, "completion")
		u := sdk.Usage{PromptTokens: rapid.Int64Range(0, prompt).Draw(t, "prompt tokens"), CompletionTokens: rapid.Int64Range(0, output).Draw(t, "completion tokens")}
		u.CachedTokens = rapid.Int64Range(0, u.PromptTokens).Draw(t, "cached")
		u.CacheWriteTokens = rapid.Int64Range(0, u.PromptTokens-u.CachedTokens).Draw(t, "written")
		u.ReasoningTokens = rapid.Int64Range(0, u.CompletionTokens).Draw(t, "reasoning tokens")
		if cost, bound := p.Cost(u), p.Bound(prompt, output); cost > bound {
			t.Fatalf("%+v costs %d, the bound of %d and %d is %d", u, cost, prompt, output, bound)
		}
	})
}

func TestBoundOfAQuery(t *testing.T) {
	p := price.PerMillion(1, 2)
	q := sdk.Query{Messages: []sdk.Message{{Role: sdk.User, Text: strings.Repeat("x", 1000)}}, MaxTokens: new(100)}
	hold, err := price.BoundOf(&q, p, 0)
	if err != nil || hold.Tokens < 1100 || hold.Tokens > 1200 || hold.Cost != p.Bound(hold.Tokens-100, 100) {
		t.Errorf("%+v, %v", hold, err)
	}
	option := func(name, value string) { q.Options = map[string]json.RawMessage{name: json.RawMessage(value)} }
	for _, c := range []struct {
		name, value string
		least       int64
	}{{"max_completion_tokens", "5000", 6000}, {"n", "8", 1800}, {"functions", "[]", 2100}, {"tools", `"` + strings.Repeat("y", 3000) + `"`, 4100}} {
		option(c.name, c.value)
		if hold, err := price.BoundOf(&q, p, 0); err != nil || hold.Tokens < c.least {
			t.Errorf("option %s: %+v, %v", c.name, hold, err)
		}
	}
	for _, c := range [][2]string{{"n", `"8"`}, {"max_tokens", "-1"}, {"max_tokens", "1e99"}, {"service_tier", `"priority"`}, {"web_search_options", "{}"}} {
		option(c[0], c[1])
		if _, err := price.BoundOf(&q, p, 0); err == nil || err.Kind != sdk.InvalidRequest || !strings.Contains(err.Message, c[0]) {
			t.Errorf("option %v: error %v", c, err)
		}
	}
	q.Options, q.MaxTokens = nil, nil
	if _, err := price.BoundOf(&q, p, 0); err == nil || !strings.Contains(err.Message, "set max_tokens") {
		t.Errorf("no bound of the reply: %v", err)
	}
	if hold, err := price.BoundOf(&q, p, 4096); err != nil || hold.Tokens < 5096 {
		t.Errorf("%+v, %v", hold, err)
	}
	q.Messages = append(q.Messages, sdk.Message{Role: sdk.User, Parts: []sdk.Part{{Image: &sdk.Image{URL: "https://x/y"}}}})
	if hold, _ := price.BoundOf(&q, p, 1); hold.Tokens < 40_000 {
		t.Errorf("an image counts as %d tokens", hold.Tokens)
	}
}

// A thousand seeds of concurrent spending: never one picodollar over.
func TestBudgetIsNeverExceeded(t *testing.T) {
	for seed := range uint64(1000) {
		limit := usd(1)
		b, err := price.NewBudget(price.Limits{MaxCost: &limit, MaxTokens: 10_000, SpentCost: usd(0.1), SpentTokens: 500})
		if err != nil {
			t.Fatal(err)
		}
		var workers sync.WaitGroup
		for w := range uint64(4) {
			workers.Go(func() {
				rng := rand.New(rand.NewPCG(seed, w))
				for range 100 {
					h := price.Hold{Cost: sdk.Money(rng.Int64N(int64(usd(0.05)))), Tokens: rng.Int64N(600)}
					if b.Reserve(h) != price.Held {
						continue
					}
					if spent, held := b.Spent(); spent.Cost+held.Cost > limit || spent.Tokens+held.Tokens > 10_000 {
						t.Errorf("seed %d: %v", seed, b)
					}
					// Anything up to the bound, often near it.
					part := 1 - rng.Float64()*rng.Float64()
					b.Settle(h, price.Hold{Cost: sdk.Money(float64(h.Cost) * part), Tokens: int64(float64(h.Tokens) * part)})
				}
			})
		}
		workers.Wait()
		if spent, held := b.Spent(); spent.Cost > limit || spent.Tokens > 10_000 || held != (price.Hold{}) {
			t.Fatalf("seed %d: %v", seed, b)
		}
	}
}

func TestAdmission(t *testing.T) {
	limit := sdk.Money(10)
	b, _ := price.NewBudget(price.Limits{MaxCost: &limit})
	hold := func(n sdk.Money) price.Hold { return price.Hold{Cost: n} }
	if b.Exceeds(hold(10)) || !b.Exceeds(hold(11)) {
		t.Error("Exceeds")
	}
	for _, c := range []struct {
		n    sdk.Money
		want price.Admission
	}{{6, price.Held}, {6, price.Later}, {4, price.Held}, {1, price.Later}} {
		if got := b.Reserve(hold(c.n)); got != c.want {
			t.Errorf("Reserve(%d) = %v, want %v", c.n, got, c.want)
		}
	}
	b.Settle(hold(6), hold(5))
	if got := b.Reserve(hold(6)); got != price.Never {
		t.Errorf("5 of 10 are spent, Reserve(6) = %v", got)
	}
	if _, err := price.NewBudget(price.Limits{MaxTokens: -1}); err == nil {
		t.Error("a negative budget was accepted")
	}
}

func ExampleBook() {
	b := price.NewBook()
	p, ok := b.Find("openai", "gpt-4o-mini", time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC))
	fmt.Println(ok, p.Cost(sdk.Usage{PromptTokens: 12_000, CompletionTokens: 3_000}))
	_, ok = b.Find("openai", "some-private-model", time.Now())
	fmt.Println(ok)
	// Output:
	// true $0.0036
	// false
}

func ExampleBudget() {
	limit := sdk.MoneyFromUSD(1)
	b, err := price.NewBudget(price.Limits{MaxCost: &limit})
	if err != nil {
		panic(err)
	}
	most := price.Hold{Cost: sdk.MoneyFromUSD(0.6)} // what one call can cost
	fmt.Println(b.Reserve(most) == price.Held)
	fmt.Println(b.Reserve(most) == price.Later) // the first one may give something back
	b.Settle(most, price.Hold{Cost: sdk.MoneyFromUSD(0.1)})
	fmt.Println(b.Reserve(most) == price.Held)
	fmt.Println(b)
	// Output:
	// true
	// true
	// true
	// $0.1000 of $1.0000 spent, $0.6000 reserved
}
