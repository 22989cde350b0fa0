package executor

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/cortexlinux/cortex-host/core/price"
	"github.com/cortexlinux/cortex-host/core/route"
	"github.com/cortexlinux/cortex-host/sdk"
)

// The defaults of [Config].
const (
	DefaultMaxConcurrent     = 5
	MaxAutoConcurrent        = 256
	DefaultRequestsPerSecond = 5.0
	DefaultBurst             = 5
	DefaultMaxRetries        = 2
	DefaultQueryTimeout      = 10 * time.Minute
	DefaultLookAhead         = 256
	DefaultDrain             = 10 * time.Second
	DefaultScout             = 15 * time.Millisecond
	DefaultAgeAfter          = 30 * time.Second
)

// Config says how an executor works. Only Lanes is required; the zero value of
// everything else is the default.
type Config struct {
	// Lanes are where queries can go.
	Lanes []route.Lane
	// Routes say where queries of a task type go. Empty: all to the first
	// lane.
	Routes route.Table

	// MaxConcurrent bounds the calls that are under way at once, over all
	// lanes; 0 is 5.
	MaxConcurrent int
	// AutoConcurrent finds the concurrency, up to MaxConcurrent, or 256 if
	// that is 0. It starts with 5.
	AutoConcurrent bool
	// RequestsPerSecond is the rate of each lane. Nil: none for local lanes;
	// remote ones start with 5 and a burst of 5 and find their rate. 0: none.
	RequestsPerSecond *float64
	// Burst is how many calls may start at once; 0 means 1, or 5 where
	// RequestsPerSecond is nil.
	Burst int
	// AutoRate finds the rate of every lane, of local ones too. It starts with
	// RequestsPerSecond, or 5.
	AutoRate bool
	// TokensPerMinute limits prompt and completion tokens of each lane. Nil:
	// what the provider declares, and what its replies' headers say, prompt and
	// completion apart where they do. A number lowers that; 0 does not listen
	// to headers.
	TokensPerMinute *int64
	// Share is the part of a vendor's limits that is used, be they declared or
	// told by headers; the rest is left to others. 0 means all.
	Share float64

	// RetryFailed allows retries; nil is true. False means that nothing is
	// ever sent twice.
	RetryFailed *bool
	// MaxRetries bounds the retries of failures that may have been paid for;
	// nil is 2.
	MaxRetries *int
	// QueryTimeout bounds the time from a query's first attempt to its result;
	// 0 is ten minutes, a negative value means no bound.
	QueryTimeout time.Duration
	// Deadline is from when on a run sends nothing more; 0 means never.
	Deadline time.Duration
	// Drain is how long calls under way may still take when a run stops early:
	// at its deadline, at the end of its budget, by AbortAfter or by
	// [Executor.Stop]. 0 is ten seconds, a negative value means not at all.
	Drain time.Duration
	// AbortAfter ends a run after so many permanent failures of one kind in a
	// row; 0 never does.
	AbortAfter int

	// Scout is for how long the first call of a lane goes alone; 0 is 15 ms, a
	// negative value means not at all. Where the answer comes that fast, a
	// wrong key is found out by one call and not by as many as fit.
	Scout time.Duration

	// LookAhead is how many queries are read ahead of those under way; 0 is
	// 256. Priorities order queries within it.
	LookAhead int
	// AgeAfter is how long a query may be overtaken by ones of higher
	// priority; 0 is 30 seconds. After that it gets every fourth turn.
	AgeAfter time.Duration

	// Prices give answers their cost. Nil: only costs that a provider reports
	// are known.
	Prices *price.Book
	// Budget caps a run.
	Budget price.Limits

	// Checker looks at answers to queries that ask for a format. Nil takes
	// them as they are.
	Checker Checker
	// Recorder keeps a record of what was sent. Nil keeps none.
	Recorder Recorder
	// OnResult is called for each result, one at a time, before the sink gets
	// it. If it panics, that query has failed.
	OnResult func(sdk.Result)
}

// A Checker judges answers. An answer that it does not accept is asked for
// once more; if that is no better, the query has failed with the answer kept.
type Checker interface {
	// Check returns what is wrong with the reply, nil if it is as asked for.
	Check(q *sdk.Query, r *sdk.Response) *sdk.Error
	// Repair returns the query that asks for a better reply.
	Repair(q *sdk.Query, r *sdk.Response, problem *sdk.Error) *sdk.Query
}

// A Recorder keeps what a crash must not lose. Its methods are called from
// many goroutines. An error of any of them ends the run: nothing is sent that
// cannot be recorded.
type Recorder interface {
	// Admit is asked about each query of the input, in input order, before it
	// enters a queue. If send is false, the query has its answer already: it
	// is counted as skipped and yields no result.
	Admit(index int64, q *sdk.Query) (send bool, err error)
	// AttemptStarted is called right before each call to a provider, and
	// AttemptEnded right after it.
	AttemptStarted(a sdk.Attempt) error
	AttemptEnded(a sdk.Attempt) error
}

// complete checks the configuration and fills in the defaults.
func (c Config) complete() (Config, error) {
	if c.RequestsPerSecond != nil && (math.IsNaN(*c.RequestsPerSecond) || math.IsInf(*c.RequestsPerSecond, 0) || *c.RequestsPerSecond < 0) {
		return c, fmt.Errorf("requests per second must be a number of at least 0 (0 is off), not %v", *c.RequestsPerSecond)
	}
	if c.MaxRetries != nil && *c.MaxRetries < 0 {
		return c, fmt.Errorf("max retries must be at least 0, not %d", *c.MaxRetries)
	}
	for _, f := range []struct {
		name  string
		value int
	}{{"max concurrent", c.MaxConcurrent}, {"burst", c.Burst}, {"abort after", c.AbortAfter}, {"look-ahead", c.LookAhead}} {
		if f.value < 0 {
			return c, fmt.Errorf("%s must not be negative, but is %d", f.name, f.value)
		}
	}
	if c.Deadline < 0 || c.AgeAfter < 0 {
		return c, errors.New("deadline and age-after must not be negative")
	}
	if c.TokensPerMinute != nil && *c.TokensPerMinute < 0 {
		return c, fmt.Errorf("tokens per minute must be at least 0 (0 is off), not %d", *c.TokensPerMinute)
	}
	if math.IsNaN(c.Share) || c.Share < 0 || c.Share > 1 {
		return c, fmt.Errorf("share must be above 0 and at most 1 (0.7 is 70 %%), not %v", c.Share)
	}
	if c.AutoConcurrent {
		setDefault(&c.MaxConcurrent, MaxAutoConcurrent)
	}
	setDefault(&c.MaxConcurrent, DefaultMaxConcurrent)
	setDefault(&c.Scout, DefaultScout)
	setDefault(&c.LookAhead, DefaultLookAhead)
	setDefault(&c.AgeAfter, DefaultAgeAfter)
	setDefault(&c.QueryTimeout, DefaultQueryTimeout)
	setDefault(&c.Drain, DefaultDrain)
	if c.RetryFailed == nil {
		c.RetryFailed = new(true)
	}
	if c.MaxRetries == nil {
		c.MaxRetries = new(DefaultMaxRetries)
	}
	return c, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
