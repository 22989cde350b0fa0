// Package config is the one place that knows every setting of a run, where it
// can come from and what it may be.
//
//	c, err := config.Load(config.Sources{Path: path, Profile: "night", Env: os.LookupEnv, Flags: given})
//	c.MaxConcurrent                    // the value that won
//	c.Origin("max_concurrent")         // and where it is from
//
// # Layers
//
// A later layer wins: the defaults, the file (cortex-host.yaml), the chosen
// profile of that file, the environment (CORTEX_MAX_CONCURRENT), the flags
// (--max-concurrent). [Keys] is the table of all settings; every layer is read
// by the same rules, so a value means the same wherever it stands.
//
//	version: 1
//	provider: openai
//	model: gpt-4o-mini
//	max_concurrent: 16
//	providers:               # instances of providers, by names of your own
//	  chat:
//	    plugin: openai
//	    keys: [{env: OPENAI_API_KEY}, {env: OPENAI_API_KEY_2}]
//	  cloud:
//	    plugin: bedrock
//	    grant: {env: [AWS_PROFILE], files: [~/.aws]}
//	  system:
//	    plugin: ollama
//	    model: llama3.2
//	routes:                  # task type -> instances; the others are fallbacks
//	  user_chat: [chat, system]
//	  system_operation: [system, chat]
//	  "*": [chat]
//	profiles:                # laid over the rest by --profile
//	  night: {max_concurrent: 200}
//
// # Strict
//
// An unknown key, a value that is not of its kind, two values for one key: each
// is an [*Error] that tells file and line, and what was probably meant. Nothing
// is ignored.
//
// # Trust
//
// A file that lies in the working directory and that nobody named may not say
// where keys go ([Key.Trusted], providers): otherwise a cloned repository could
// send them anywhere. Naming it with --config is enough.
package config
