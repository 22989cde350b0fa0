// Package report tells what happened in a run on one HTML page: headline
// numbers, throughput and concurrency over time, latencies, cost, tokens,
// waits, failures, the slowest queries, the configuration and the answers.
//
//	recorder := report.New(report.Config{Started: time.Now()})
//	summary, err := exec.Run(ctx, queries, func(r sdk.Result) error {
//		recorder.Observe(&r, time.Now())
//		...
//	})
//	err = recorder.WritePage(file, report.Run{ID: id, Totals: &totals, Lanes: lanes})
//
// A page of a run that is over is made from its stored rows with
// [Recorder.ObserveAll]; the charts over time are left out then, because rows
// carry no time.
//
// # The page
//
// It is one file that loads nothing: style, script and charts are inside, and
// a Content-Security-Policy allows exactly those. It reads well on a phone, on
// paper, in light and dark, with a keyboard and with a screen reader. Every
// headline number is a <data> element whose value attribute has it in full.
//
// # Untrusted text
//
// Answers, errors, ids and names were written by models, vendors, guests and
// files. They are escaped for HTML, and characters that could hide or reorder
// text are shown as \u202e and so on.
//
// # Memory
//
// A [Recorder] is bounded, however many results it observes: histograms, time
// slots that grow wider, and answers and groups up to a limit. What was left
// out because of a limit is said on the page.
package report
