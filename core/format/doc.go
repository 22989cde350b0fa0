// Package format reads and writes the files of a run, one row at a time: what
// it holds in memory is one line, never the file.
//
//	in := format.Input{Name: "queries.jsonl.gz"}
//	for q, err := range format.Read(f, in, format.ReadOptions{}) {
//		...                       // err is a *format.Error: queries.jsonl.gz:12: ...
//	}
//	row, err := format.NDJSON{}.Append(nil, &result)
//
// # In
//
// [Read] reads queries in any [Kind] of file, packed or not: NDJSON of
// [sdk.Query] ([Queries] reads nothing else), OpenAI's batch files, and tables
// and text files from which a [Template] makes prompts. [Items] reads what a
// generator takes, lines of text or NDJSON.
//
// All are strict: a row that is not what it should be is an [*Error] that tells
// file, line and byte, and no row is ever skipped or mended in silence. With
// [Input.KeepGoing] it becomes a failed result of its own. A byte order mark at
// the beginning, CRLF and empty lines are what editors leave behind and are no
// errors. A line without end, a quote that is never closed and a packed file
// that grows without end are, in bounded memory.
//
// Ids that occur twice are found with an [ids.Index] on the disk, in a few megabytes
// of memory however many there are.
//
// # Out
//
// An [Encoder] turns a result into one row: [NDJSON] for programs, [Text] for
// people, [OpenAI] for what reads OpenAI's batches, [CSV] for spreadsheets.
//
// # Untrusted text
//
// Nothing that a model, a plugin, a guest or a file wrote may reach a terminal
// as it is: [Clean] and [Inline] show control characters instead of sending
// them.
//
// Readers and encoders are for one goroutine each.
package format
