package sdk

import "time"

// RateLimit is what a vendor's reply says of its limits, as read from the
// headers of one response. The zero value says nothing.
type RateLimit struct {
	Requests     Window
	Tokens       Window
	InputTokens  Window
	OutputTokens Window
}

// Empty reports whether the headers said nothing at all.
func (r *RateLimit) Empty() bool { return r == nil || *r == RateLimit{} }

// A Window is one limit. Unknown values are nil; a limit that a vendor gives
// as 0 or less is unknown too.
type Window struct {
	// Limit is the allowance of one whole window.
	Limit *int64
	// Remaining is what is left of it.
	Remaining *int64
	// Reset is the time until the window is full again, counted from the reply.
	Reset *time.Duration
}
