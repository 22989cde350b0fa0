// Command cortex-provider-gemini is the provider for Google's Gemini API
// (generateContent).
//
// A query's way through it:
//
//	Complete (provider.go) -> buildRequest (request.go, contents.go)
//	-> httpapi.Client.Post -> readReply (response.go)
//
// One HTTP call each, and never a second one: retries are the host's.
package main
