// Package executor asks many queries at once, within limits.
//
// An [Executor] has lanes (provider, credential, model), each with its own
// queue, limits, health and statistics. [Executor.Run] pulls queries from an
// iterator, sends them as the limits allow, and pushes one [sdk.Result] a
// query into a sink as they complete. [Executor.ExecuteBatch] does the same
// for a slice and returns the results in input order. [Executor.Submit] asks
// one query, also while a run is under way; with a high priority it overtakes
// everything that is not yet sent.
//
//	exec, err := executor.New(executor.Config{
//		Lanes: []route.Lane{{Name: "openai", Provider: provider}},
//	})
//	...
//	batch, err := exec.ExecuteBatch(ctx, queries)
//
// # One query's way
//
//	feed     reads it from the input, within a bounded window   (feed.go)
//	place    puts it into the queue of the first lane of its route (place.go)
//	pick     takes it out when slot, budget, limiter and breaker agree (pick.go)
//	attempt  calls the provider                                  (attempt.go)
//	settle   books the outcome: finish, retry or fall back       (settle.go)
//	deliver  hands the result to callback and sink               (deliver.go)
//
// What a call may cost and did cost stands in money.go, what is foretold of it
// in forecast.go, and why a run ends early in run.go and stop.go.
//
// # Guarantees
//
//   - One result a query, whatever happens to it.
//   - Memory is bounded by Config.LookAhead and the concurrency, not by the
//     length of the input; a sink that is slow slows the input down.
//   - In any window of t seconds a lane starts at most burst + rate*t calls,
//     retries included.
//   - A query goes to another key of the same provider only for failures that
//     are a matter of the key.
//   - A query that waits for its next attempt holds no slot.
//   - With RetryFailed false nothing is ever sent twice.
//   - Spent plus reserved money and tokens never exceed Config.Budget.
//   - A provider or callback that panics fails that query alone.
//   - When ctx is done everything ends promptly: results that are finished
//     stay as they are, queries under way and unsent end as [sdk.Canceled].
//
// An Executor is safe for concurrent use. It runs goroutines only while a run
// or a submitted query is under way, so it needs no Close.
package executor
