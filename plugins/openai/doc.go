// Command cortex-provider-openai is the provider for any server that speaks
// OpenAI's chat completions API. Its presets are kimi (Moonshot) and ollama (a
// local Ollama, no key).
//
// A query's way through it:
//
//	Complete (provider.go) -> buildRequest (request.go) -> httpapi.Client.Post
//	-> readCompletion (response.go)
//
// One HTTP call each, and never a second one: retries are the host's.
package main
