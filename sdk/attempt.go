package sdk

import "time"

// An Attempt is one call to a provider, as the record of a run tells it: first
// when it starts, and once more, with its outcome filled in, when it ends.
type Attempt struct {
	// Index is the position of the query in the input, QueryID its id.
	Index   int64
	QueryID string
	// Number counts the calls for the query within this process, from 1.
	Number int
	// Lane is the name of the lane, Model the model asked for.
	Lane, Model string
	// Started is the time of the call.
	Started time.Time
	// Reserved is the most that the call can cost, ReservedTokens the most
	// tokens that it can use; nil and 0 if no bound is known. They are told when
	// it starts.
	Reserved       *Money
	ReservedTokens int64

	// Duration is how long the call took. From here on: the outcome.
	Duration time.Duration
	// Kind is what went wrong, empty for an answer.
	Kind Kind
	// Cost is what the call did cost, 0 if the vendor surely did not bill it,
	// nil if that is not known.
	Cost *Money
	// Tokens are those of prompt and reply together; as with Cost, 0 if nothing
	// was done, nil if that is not known.
	Tokens *int64
	// ModelServed and RequestID are as in [Response] and [Error].
	ModelServed, RequestID string
}
