package config

import (
	"cmp"
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
	// Price overrides the price of every model of the chosen provider; PriceFile
	// is the path of a file with more, or empty.
	Price     *Price
	PriceFile string

	// FailOn says how many failures make a run fail.
	FailOn FailOn
	// Progress is how progress is shown: auto, bar, plain, json or none.
	Progress string
	// Log is the file of events, or "-" for stderr, or empty; LogFormat is text
	// or json; LogContent lets prompts and answers in.
	Log, LogFormat string
	LogContent     bool

	// GeneratorTimeout bounds the time that the host waits for a guest.
	GeneratorTimeout time.Duration
	// GeneratorFacts are the facts that guests may be given. Nil: all that
	// they ask for; empty: none.
	GeneratorFacts []string
	// GeneratorAllow is what the queries of guests may choose for themselves.
	GeneratorAllow GeneratorAllow
	// GeneratorMemoryMB is the memory of a guest in MiB. 0: the default.
	GeneratorMemoryMB int
	// GeneratorQueriesPerItem is how many queries an item may become. 0: the
	// default.
	GeneratorQueriesPerItem int

	// PluginConfinement is "standard" or "off".
	PluginConfinement string
	// PluginMemory bounds the memory of a plugin's process, in MiB.
	PluginMemory int

	// Providers are instances of providers, by a name of the user's own.
	Providers map[string]Instance
	// Routes say which instances a query of a task type may go to, the first
	// one first; "*" is for all task types without a row of their own.
	Routes map[string][]string

	// File is the path of the file that was read, or empty. Profile is the
	// profile that was laid over it, or empty.
	File, Profile string
	// Profiles are the names of all profiles of the file, sorted.
	Profiles []string

	values map[string]Value
	places map[string]string
}

// An Instance is a provider with a configuration of its own.
type Instance struct {
	// Plugin is the plugin, or a preset of one. Empty: the instance's name.
	Plugin string `yaml:"plugin"`
	// Model is asked where a query names none.
	Model string `yaml:"model"`
	// Settings are properties of the plugin's configuration.
	Settings map[string]any `yaml:"settings"`
	// Keys are credentials: each is a lane of its own, and the lanes share the
	// load. Empty: the one of the plugin's environment variable.
	Keys []Credential `yaml:"keys"`
	// Grant is what the plugin may see of the user's ambient credentials.
	Grant Grant `yaml:"grant"`
	// MaxConcurrent, RequestsPerSecond and TokensPerMinute bound each lane; 0
	// is no bound of the instance's own.
	MaxConcurrent     int     `yaml:"max_concurrent"`
	RequestsPerSecond float64 `yaml:"requests_per_second"`
	TokensPerMinute   int64   `yaml:"tokens_per_minute"`
}

// A Grant names what a plugin sees beside its own settings: a cloud's SDK wants
// its variables and files. Nothing else of the kind reaches a plugin.
type Grant struct {
	// Env are variables of the host's environment.
	Env []string `yaml:"env"`
	// Files are files and directories, absolute or below ~/, that the plugin
	// may read.
	Files []string `yaml:"files"`
}

// A Credential says where one key is found, never the key itself. One of a file
// or a command is read once more when the vendor refuses it, because it may have
// expired.
type Credential struct {
	// Env names an environment variable.
	Env string `yaml:"env"`
	// File is the path of a file whose first line is the key.
	File string `yaml:"file"`
	// Command is run; the first line that it prints is the key.
	Command []string `yaml:"command"`
}

// A Price is in US dollars per million tokens of prompt and reply.
type Price struct {
	Input, Output float64
	// Cached is for prompt tokens that the vendor has in its cache; nil: as
	// Input.
	Cached *float64
}

// A Value is one setting as it was given, and where.
type Value struct {
	// Text is the value as one would write it.
	Text string
	// Origin says where it is from: "default", "cortex-host.yaml:7",
	// "profile night (cortex-host.yaml:20)", "CORTEX_MODEL" or "--model".
	Origin string

	file bool
}

// Origin returns where the value of a key is from; of an instance or a route,
// such as providers.chat or routes.user_chat, the file and line.
func (c *Config) Origin(key string) string { return cmp.Or(c.values[key].Origin, c.places[key]) }

// Given reports whether anybody set the key: its value is not the default.
func (c *Config) Given(key string) bool {
	v, ok := c.values[key]
	return ok && v.Origin != originDefault
}

// FromFile reports whether the value of a key stands in the file, or in a
// profile of it.
func (c *Config) FromFile(key string) bool { return c.values[key].file }

// Values returns every key that has a value, with its origin.
func (c *Config) Values() map[string]Value { return maps.Clone(c.values) }

const originDefault = "default"
