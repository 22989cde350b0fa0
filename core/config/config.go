package config

import (
	"maps"
	"time"
)

// Config holds the settings of a run. Its zero value is not the default: [Load]
// makes one.
type Config struct {
	// Provider is the default provider: an instance of Providers, a plugin or
	// a preset. Empty: nobody has chosen.
	Provider string
	// Model is asked where a query names none. Empty: the provider decides.
	Model string
	// BaseURL is the base_url setting of the chosen provider, or empty.
	BaseURL string

	// MaxConcurrent bounds the calls under way.
	MaxConcurrent Concurrency
	// RequestsPerSecond is the rate of each lane.
	RequestsPerSecond Rate
	// TokensPerMinute limits the tokens of each lane: nil leaves it to the
	// provider, 0 is off.
	TokensPerMinute *int64
	// Share is the part of a vendor's limits that is used; 0 is all.
	Share float64
	// Burst is 0 if it is left to the rate.
	Burst int
	// RetryFailed and MaxRetries rule what is sent again.
	RetryFailed bool
	MaxRetries  int
	// Timeout bounds one query with its retries, Deadline the run (0: none).
	Timeout, Deadline time.Duration
	// AbortAfter ends the run after so many equal permanent failures in a row
	// (0: never).
	AbortAfter int

	// Temperature and MaxTokens are for queries that do not say; nil: unset.
	Temperature *float64
	MaxTokens   *int
	// Priority is for queries that do not say.
	Priority int

	// MaxCost, in US dollars, and MaxTotalTokens are the run's budget; nil and
	// 0: none.
	MaxCost        *float64
	MaxTotalTokens int64
	// Price overrides the price of every model of the chosen provider.
	Price *Price

	// GeneratorTimeout bounds the time that the host waits for a guest.
	GeneratorTimeout time.Duration

	// File is the path of the file that was read, or empty. Profile is the
	// profile that was laid over it, or empty.
	File, Profile string

	values map[string]Value
}

// A Price is in US dollars per million tokens of prompt and reply.
type Price struct{ Input, Output float64 }

// A Value is one setting as it was given, and where.
type Value struct {
	// Text is the value as one would write it.
	Text string
	// Origin says where it is from: "default", "cortex-host.yaml:7",
	// "profile night (cortex-host.yaml:20)", "CORTEX_MODEL" or "--model".
	Origin string
}

// Origin returns where the value of a key is from.
func (c *Config) Origin(key string) string { return c.values[key].Origin }

// Given reports whether anybody set the key: its value is not the default.
func (c *Config) Given(key string) bool {
	v, ok := c.values[key]
	return ok && v.Origin != originDefault
}

// Values returns every key that has a value, with its origin.
func (c *Config) Values() map[string]Value { return maps.Clone(c.values) }

const originDefault = "default"
