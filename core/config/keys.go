package config

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Key is one setting: its name is the key in a file (max_concurrent), and
// makes the flag (--max-concurrent) and the variable (CORTEX_MAX_CONCURRENT).
type Key struct {
	Name string
	// Form is what a value looks like, such as "N|off".
	Form string
	// Usage is one line of help.
	Usage string
	// Default is the text of the default, empty if there is none.
	Default string
	// Schema is the JSON Schema of the value.
	Schema string
	// Trusted keys say where credentials, prompts and answers go: they are not
	// read from a file that nobody named.
	Trusted bool

	set func(*Config, string) error
}

// Flag is the name of the key's flag, without dashes in front.
func (k Key) Flag() string { return strings.ReplaceAll(k.Name, "_", "-") }

// Env is the key's environment variable.
func (k Key) Env() string { return "CORTEX_" + strings.ToUpper(k.Name) }

// written is how the key is written where a value came from.
func (k Key) written(origin string) string {
	switch origin {
	case k.Env():
		return k.Env() + "=" + k.Form
	case "--" + k.Flag():
		return "--" + k.Flag() + " " + k.Form
	}
	return k.Name + ": " + k.Form
}

const (
	stringSchema = `{"type":"string"}`
	countSchema  = `{"type":"integer","minimum":0}`
	spanSchema   = `{"type":"string","pattern":"^[0-9.]+(ms|s|m|h)([0-9.]+(ms|s|m|h))*$"}`
	moneySchema  = `{"type":"number","minimum":0}`
)

// Keys returns all settings, in the order of the help.
func Keys() []Key { return slices.Clone(keys) }

var keys = []Key{
	{Name: "provider", Form: "NAME", Usage: "ask this provider: a plugin or a preset", Schema: stringSchema,
		set: text(func(c *Config) *string { return &c.Provider })},
	{Name: "model", Form: "MODEL", Usage: "ask this model where a query names none", Schema: stringSchema,
		set: text(func(c *Config) *string { return &c.Model })},
	{Name: "base_url", Form: "URL", Usage: "the provider's server, such as http://localhost:8000/v1", Schema: stringSchema, Trusted: true,
		set: text(func(c *Config) *string { return &c.BaseURL })},
	{Name: "max_concurrent", Form: "N|auto", Usage: "calls under way at once (default: 5; batch: auto)",
		Schema: `{"anyOf":[{"type":"integer","minimum":1,"maximum":100000},{"const":"auto"}]}`, set: setConcurrency},
	{Name: "requests_per_second", Form: "N|N/m|auto|off", Usage: "calls per second (default: off for local providers; else auto, beginning with 5)",
		Schema: `{"type":["number","string"],"minimum":0,"pattern":"^(auto|off|[0-9.]+(/s|/m)?)$"}`, set: setRate},
	{Name: "tokens_per_minute", Form: "N|auto|off", Usage: "tokens per minute (default: auto, what the provider says)",
		Schema: `{"anyOf":[{"type":"integer","minimum":0},{"enum":["auto","off"]}]}`, set: setTokensPerMinute},
	{Name: "share", Form: "PART", Usage: "use only this part of the vendor's limits, such as 70%",
		Schema: `{"type":["number","string"],"exclusiveMinimum":0,"maximum":1,"pattern":"^[0-9.]+%?$"}`, set: setShare},
	{Name: "burst", Form: "N", Usage: "calls that may start at once (default: 1 with a rate of your own)", Schema: countSchema,
		set: whole(1, 1_000_000, func(c *Config, n int) { c.Burst = n })},
	{Name: "retry_failed", Form: "true|false", Usage: "send again what may succeed; false: nothing is ever sent twice", Default: "true", Schema: `{"type":"boolean"}`,
		set: yesNo(func(c *Config) *bool { return &c.RetryFailed })},
	{Name: "max_retries", Form: "N", Usage: "retries of failures that may have been billed", Default: "2", Schema: countSchema,
		set: whole(0, 1000, func(c *Config, n int) { c.MaxRetries = n })},
	{Name: "timeout", Form: "TIME", Usage: "time for one query, retries included", Default: "10m", Schema: spanSchema,
		set: span(func(c *Config) *time.Duration { return &c.Timeout })},
	{Name: "deadline", Form: "TIME", Usage: "time for the whole run", Schema: spanSchema,
		set: span(func(c *Config) *time.Duration { return &c.Deadline })},
	{Name: "abort_after", Form: "N", Usage: "end the run after N permanent failures of one kind in a row", Schema: countSchema,
		set: whole(0, math.MaxInt32, func(c *Config, n int) { c.AbortAfter = n })},
	{Name: "temperature", Form: "N", Usage: "sent only if set, where a query has none", Schema: `{"type":"number","minimum":0}`,
		set: setTemperature},
	{Name: "max_tokens", Form: "N", Usage: "bound of a reply, sent only if set, where a query has none", Schema: `{"type":"integer","minimum":1}`,
		set: whole(1, math.MaxInt32, func(c *Config, n int) { c.MaxTokens = &n })},
	{Name: "priority", Form: "N", Usage: "of queries that have none; higher goes first", Schema: `{"type":"integer"}`,
		set: whole(math.MinInt32, math.MaxInt32, func(c *Config, n int) { c.Priority = n })},
	{Name: "max_cost", Form: "USD", Usage: "never spend more; every model needs a known price", Schema: moneySchema,
		set: setMaxCost},
	{Name: "max_total_tokens", Form: "N", Usage: "never use more tokens, prompts and replies together", Schema: countSchema,
		set: whole(1, math.MaxInt64, func(c *Config, n int) { c.MaxTotalTokens = int64(n) })},
	{Name: "price", Form: "IN,OUT[,CACHED]", Usage: "price of the provider's models, in dollars per million prompt, reply and cached prompt tokens",
		Schema: `{"type":"string","pattern":"^[0-9.]+,[0-9.]+(,[0-9.]+)?$"}`, set: setPrice},
	{Name: "price_file", Form: "FILE", Usage: "prices of your own, JSON: {\"VENDOR/MODEL\": {\"input\": 0.15, \"output\": 0.6, \"cache_read\": 0.075}}", Schema: stringSchema,
		set: text(func(c *Config) *string { return &c.PriceFile })},
	{Name: "generator_timeout", Form: "TIME", Usage: "how long the host waits for a generator, all waits together", Default: "30s", Schema: spanSchema,
		set: span(func(c *Config) *time.Duration { return &c.GeneratorTimeout })},
	{Name: "generator_facts", Form: "LIST|all|none", Usage: "facts about this machine that a generator may have if it asks", Default: "all", Trusted: true,
		Schema: stringSchema, set: setGeneratorFacts},
	{Name: "generator_allow", Form: "LIST", Usage: "what its queries may choose: provider=NAME, model=NAME, option=NAME, image-urls", Trusted: true,
		Schema: stringSchema, set: setGeneratorAllow},
	{Name: "generator_memory_mb", Form: "N", Usage: "memory of a generator in MiB", Default: "256", Schema: countSchema,
		set: whole(1, 4096, func(c *Config, n int) { c.GeneratorMemoryMB = n })},
	{Name: "generator_queries_per_item", Form: "N", Usage: "queries that a generator may make of one item", Default: "16", Schema: countSchema,
		set: whole(1, 1_000_000, func(c *Config, n int) { c.GeneratorQueriesPerItem = n })},
	{Name: "fail_on", Form: "none|any|all|N%", Usage: "which failures make the exit code 3", Default: "any",
		Schema: `{"type":"string","pattern":"^(none|any|all|(100|[0-9]{1,2})([.][0-9]+)?%)$"}`, set: setFailOn},
	{Name: "progress", Form: "auto|bar|plain|json|none", Usage: "how to show progress on stderr", Default: "auto",
		Schema: `{"enum":["auto","bar","plain","json","none"]}`, set: oneOf(func(c *Config) *string { return &c.Progress }, "auto", "bar", "plain", "json", "none")},
	{Name: "log", Form: "FILE", Usage: "append what happens to FILE, one line an event (- is stderr)", Schema: stringSchema, Trusted: true,
		set: text(func(c *Config) *string { return &c.Log })},
	{Name: "log_format", Form: "text|json", Usage: "form of the log", Default: "text", Schema: `{"enum":["text","json"]}`,
		set: oneOf(func(c *Config) *string { return &c.LogFormat }, "text", "json")},
	{Name: "log_content", Form: "true|false", Usage: "write prompts and answers into the log", Default: "false", Schema: `{"type":"boolean"}`, Trusted: true,
		set: yesNo(func(c *Config) *bool { return &c.LogContent })},
	{Name: "plugin_confinement", Form: "standard|off", Usage: "what plugins are denied: standard is all that they do not need", Default: "standard",
		Schema: `{"enum":["standard","off"]}`, Trusted: true,
		set: oneOf(func(c *Config) *string { return &c.PluginConfinement }, "standard", "off")},
	{Name: "plugin_memory_mb", Form: "N", Usage: "memory of a plugin's process in MiB", Default: "1024", Schema: `{"type":"integer","minimum":64}`,
		set: whole(64, 1<<20, func(c *Config, n int) { c.PluginMemory = n })},
}

// Check returns what is wrong with a value of the key, nil if nothing is.
func (k Key) Check(value string) error {
	if err := k.set(&Config{}, value); err != nil {
		return &Error{Origin: k.Name, Problem: err.Error(), Hint: "write " + k.Form}
	}
	return nil
}

// find returns the key of that name.
func find(name string) (Key, bool) {
	for _, k := range keys {
		if k.Name == name {
			return k, true
		}
	}
	return Key{}, false
}

func text(field func(*Config) *string) func(*Config, string) error {
	return func(c *Config, s string) error {
		if strings.TrimSpace(s) == "" {
			return fmt.Errorf("is empty")
		}
		*field(c) = s
		return nil
	}
}

func whole(low, high int, set func(*Config, int)) func(*Config, string) error {
	return func(c *Config, s string) error {
		n, err := strconv.Atoi(s)
		if err != nil || n < low || n > high {
			return fmt.Errorf("must be a whole number from %d to %d, not %q", low, high, s)
		}
		set(c, n)
		return nil
	}
}

func span(field func(*Config) *time.Duration) func(*Config, string) error {
	return func(c *Config, s string) error {
		d, err := time.ParseDuration(s)
		if err != nil || d <= 0 {
			return fmt.Errorf("must be a time such as 90s, 10m or 1h30m, not %q", s)
		}
		*field(c) = d
		return nil
	}
}

func setTemperature(c *Config, s string) error {
	f, err := number(s)
	if err != nil {
		return err
	}
	c.Temperature = &f
	return nil
}

// mostDollars is the largest budget: what counts picodollars holds little more.
const mostDollars = 9_000_000

func setMaxCost(c *Config, s string) error {
	f, err := number(strings.TrimPrefix(s, "$"))
	if err != nil || f > mostDollars {
		return fmt.Errorf("must be an amount of US dollars such as 2.50, at most %d, not %q", mostDollars, s)
	}
	c.MaxCost = &f
	return nil
}

func setPrice(c *Config, s string) error {
	var rates []float64
	for part := range strings.SplitSeq(s, ",") {
		rate, err := number(strings.TrimSpace(part))
		if err != nil {
			rates = nil
			break
		}
		rates = append(rates, rate)
	}
	if len(rates) != 2 && len(rates) != 3 {
		return fmt.Errorf("must be two numbers or three, dollars per million prompt, reply and cached prompt tokens, such as 0.15,0.60, not %q", s)
	}
	c.Price = &Price{Input: rates[0], Output: rates[1]}
	if len(rates) == 3 {
		c.Price.Cached = &rates[2]
	}
	return nil
}

// number reads a number of at least 0.
func number(s string) (float64, error) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f < 0 || math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, fmt.Errorf("must be a number of at least 0, not %q", s)
	}
	return f, nil
}
