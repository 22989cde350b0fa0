// Package upstream plays an LLM vendor on a loopback address: a server for
// tests, for the conformance kit and for benchmarks.
//
//	v, err := upstream.Start(upstream.Config{Latency: 20 * time.Millisecond})
//	if err != nil { ... }
//	defer v.Close()
//	base := v.URL() + "/v1"      // an OpenAI-compatible base URL
//	...
//	v.Stats().MaxInFlight        // what the vendor saw
//
// It speaks a [Dialect] ([OpenAI] unless told otherwise), answers after a fixed
// or lognormal latency, enforces a hard [Limit] with the vendor's headers, and
// breaks in every way in which vendors break: a [Config.Script] decides the
// [Reply] of each request by its number, its query and its attempt.
//
// A query is recognised by the text of its last message, so that the requests
// of one query can be counted whichever client sent them: see
// [Server.Requests] and [Stats.PerQuery].
//
// The same server as a program is ./mockvendor beside this package.
package upstream
