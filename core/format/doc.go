// Package format reads and writes the files of a run, one row at a time: what
// it holds in memory is one line, never the file.
//
//	for q, err := range format.Queries(f, format.Input{Name: "queries.ndjson"}) {
//		...                       // err is a *format.Error: queries.ndjson:12: ...
//	}
//	row, err := format.NDJSON{}.Encode(&result)
//
// # In
//
// [Queries] reads NDJSON of [sdk.Query]; [Items] reads what a generator takes,
// lines of text or NDJSON. Both are strict: a line that is not what it should
// be is an [*Error] that tells file, line and byte, and no row is ever skipped
// or mended in silence. A byte order mark at the beginning, CRLF and empty
// lines are what editors leave behind and are no errors.
//
// # Out
//
// An [Encoder] turns a result into one row: [NDJSON] for programs, [Text] for
// people.
//
// # Untrusted text
//
// Nothing that a model, a plugin, a guest or a file wrote may reach a terminal
// as it is: [Clean] and [Inline] show control characters instead of sending
// them.
//
// Readers and encoders are for one goroutine each.
package format
