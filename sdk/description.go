package sdk

import "encoding/json"

// A Description is what a provider says of itself before it is configured. The
// host caches it by the plugin's hash, so that listing providers starts none.
type Description struct {
	// Name is the plugin's name, as in cortex-provider-NAME.
	Name string `json:"name"`
	// Version is a semantic version without a leading v.
	Version string `json:"version"`
	// Summary is one sentence for a list.
	Summary string `json:"summary"`
	// Models are the models that the provider knows of. It may serve others.
	Models []Model `json:"models,omitempty"`
	// Limits are what the provider declares for itself; unset is unknown.
	Limits Limits `json:"limits,omitzero"`
	// ConfigSchema is a JSON Schema (2020-12, type object) of the
	// configuration. Two keywords are ours: "x-secret": true marks a property
	// that is a secret, and "x-env": "OPENAI_API_KEY" (or a list, first set
	// wins) names the variable that the host reads it from.
	ConfigSchema json.RawMessage `json:"config_schema"`
	// Presets are named configurations, chosen like providers of their own.
	Presets []Preset `json:"presets,omitempty"`
	// EgressHosts are the hosts that the provider wants to reach. Declared,
	// not enforced.
	EgressHosts []string `json:"egress_hosts,omitempty"`
	// ReadPaths are files and directories that the provider wants to read and
	// execute beyond what every program needs; ~/ begins one in the user's
	// home. A confined provider can read nothing else, nor write outside its
	// temporary directory ($TMPDIR).
	ReadPaths []string `json:"read_paths,omitempty"`
	// Local says that the provider sends nothing off this machine. A local
	// lane is not rate limited by default.
	Local bool `json:"local,omitempty"`
	// Free says that its answers cost nothing.
	Free bool `json:"free,omitempty"`
	// Stream, ListsModels and ChecksHealth say which optional parts of the wire
	// the plugin has. The Go SDK fills them in by the interfaces that the
	// plugin implements.
	Stream       bool `json:"stream,omitempty"`
	ListsModels  bool `json:"lists_models,omitempty"`
	ChecksHealth bool `json:"checks_health,omitempty"`
}

// A Model is one model that a provider offers.
type Model struct {
	ID string `json:"id"`
	// ContextTokens and MaxOutputTokens are 0 if unknown.
	ContextTokens   int64 `json:"context_tokens,omitempty"`
	MaxOutputTokens int64 `json:"max_output_tokens,omitempty"`
}

// Limits are declared by a provider for one instance of itself. 0 is unknown.
type Limits struct {
	MaxConcurrent     int     `json:"max_concurrent,omitempty"`
	RequestsPerSecond float64 `json:"requests_per_second,omitempty"`
	TokensPerMinute   int64   `json:"tokens_per_minute,omitempty"`
}

// A Preset is a provider's configuration under a name of its own: the openai
// plugin has kimi and ollama.
type Preset struct {
	Name    string `json:"name"`
	Summary string `json:"summary"`
	// Values are configuration properties, each as JSON.
	Values map[string]json.RawMessage `json:"values,omitempty"`
	// Env replaces the schema's x-env for the properties that it names; an
	// empty list means that the property is read from no variable.
	Env map[string][]string `json:"env,omitempty"`
	// Keyless says that the preset works without its secrets.
	Keyless bool `json:"keyless,omitempty"`
	// Local and Free are as in [Description].
	Local bool `json:"local,omitempty"`
	Free  bool `json:"free,omitempty"`
}

// Settings is what Configure gives to a provider: the values of its
// ConfigSchema, secrets among them. Never log it.
type Settings map[string]json.RawMessage
