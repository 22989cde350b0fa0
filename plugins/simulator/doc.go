// Command cortex-provider-simulator is a backend for load tests: it behaves
// like a vendor of language models, in this process, without a network, a key
// or a bill. Every answer says that it is simulated.
//
// What it does to a query is drawn from the seed and the query's id, so that a
// run can be repeated; a query that was failed on purpose gets a new draw when
// it comes again.
//
// A query's way through it:
//
//	Complete (provider.go) -> admit (limits.go) -> draw (draw.go)
//	-> latency (latency.go) -> fault (faults.go) or answer (answer.go)
package main
