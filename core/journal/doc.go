// Package journal records a run, so that nothing that happens to the machine
// costs an answer, or a second payment that is not accounted for.
//
// # Files
//
// A run has a directory of its own in [Config.Dir]; in it lies the journal, an
// append-only file of checksummed records. The rows of answered queries are
// appended to a partial file beside the output file; the journal knows where
// each begins, ends and what its checksum is. When every query has a row,
// [Run.Finish] gives the partial file its final name in one step.
//
// Rows that a later session may replace, those of failed and of degraded
// queries, are held in the journal and come into the file when the run is
// finished. So a row, once it is in the partial file, is never taken back, and
// no query ever has two.
//
// # What is promised
//
//   - Before a call is made, the intent to make it is with the operating system.
//     Whatever was in flight when the process died is listed, counted, and
//     counts as paid at its bound.
//   - A result that was settled before an attempt starts is with the operating
//     system before that attempt is: the death of the process repeats at most
//     what was in flight.
//   - What the disk has confirmed survives a loss of power: with [SyncAlways]
//     every settled row, with [SyncGroup] all but those of the last moment. A
//     torn end is cut, with a note.
//   - One process writes. A second one is a [*BusyError].
//   - After a write or sync has failed nothing is written or sent any more.
//   - Files are readable by their owner alone. Prompts are not stored, secrets
//     are refused.
//
// # Use
//
//	run, err := journal.Create(ctx, journal.Config{Dir: dir}, plan)
//	...
//	defer run.Close("interrupted")     // leaves it to be resumed
//	ask, err := run.Admit(index, &q)   // each query, in order
//	err = run.AttemptStarted(attempt)  // before each call
//	err = run.AttemptEnded(attempt)    // after each call
//	err = run.Settle(&result, row)     // once a query
//	out, err := run.Finish(ctx)        // when every query has a row
//
// [Resume] opens the run again; Admit then says no to what is answered.
// [Attempts] tells where each row comes from, [List] and [Show] what runs there
// are.
//
// # Cost
//
// Attempts and results only fill a buffer. Starting an attempt flushes it, and
// callers that meet there share one write; a background task flushes what
// nobody waits for after 5 ms and syncs every 50 ms. Memory holds what is in
// flight; in a resumed run 8 bytes a query more.
//
// # Format
//
// The journal carries a version. A program that reads version N refuses
// another one by name. Within a version, records of unknown kinds from 128 on
// are skipped, other unknown kinds are refused. The bytes are described in
// frame.go and record.go.
package journal
