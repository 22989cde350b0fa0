// Command cortex-provider-anthropic is the provider for Anthropic's Messages
// API.
//
// A query's way through it:
//
//	Complete (provider.go) -> buildRequest (request.go, messages.go)
//	-> httpapi.Client.Post -> readReply (response.go)
//
// One HTTP call each, and never a second one: retries are the host's.
package main
