// Package limiter decides when a lane may send: requests per time, tokens per
// time, and pauses that the vendor asked for.
//
// A [Limiter] never sleeps and never rejects. [Limiter.Take] either gives a
// pass for a send that starts now, or says until when to wait and why; the
// caller keeps the queue and the clock. [Limiter.Settle] takes the outcome
// back: tokens that were reserved but not used, what the headers said.
//
// The promise: in any window of t seconds at most burst + rate*t sends start.
// It holds because a send is paid for when it starts, not when it was planned:
// a send that comes late does not let the next one come early.
package limiter
