// Package sdk is the vocabulary that every part of Cortex Host speaks: a
// [Query] goes in, a [Result] comes out, and between them a [Provider] turns
// one query into one [Response] or one typed [Error].
//
// The package is a leaf. It imports the standard library only, so a plugin, a
// generator or an embedding program pays nothing for it.
//
// # Values
//
// A value that is not set is not zero: optional numbers are pointers
// ([Query.Temperature], [Query.MaxTokens], [Response.Usage], [Response.Cost]).
// An unset temperature is not sent; an unknown cost is never counted as free.
//
// # Errors
//
// What went wrong is a [Kind], never a text to be parsed. Kinds are append
// only: a kind keeps its name and meaning for ever. A Kind is itself an error,
// so errors.Is(err, sdk.RateLimited) works on any error of this module that
// carries one.
//
// # JSON
//
// The JSON of [Query] is one schema everywhere: what a generator prints, what
// a file of queries holds and what `cortex-host generate` shows. [DecodeQuery]
// is its strict reader. The JSON of [Result] is what a run writes, one row a
// query. Durations are seconds, money is US dollars.
//
// # Concurrency
//
// The types of this package are plain values: safe to share while nobody
// writes to them.
package sdk
