package retry

import (
	"errors"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// An Action is what to do with a query after a failed attempt.
type Action int

// The actions.
const (
	// Fail: the error is the query's result on this lane.
	Fail Action = iota
	// Again: put it back into the queue, not to be sent before Wait has passed.
	Again
	// StopLane: the error is final here, and for every later query of the lane.
	StopLane
)

// A Verdict is the judgement of one failed attempt.
type Verdict struct {
	Action Action
	// Wait is the earliest time of the next attempt, from now.
	Wait time.Duration
	// Rule is the row of the taxonomy that applied.
	Rule Rule
}

// A Record is what a query has been through since it came to its present stop,
// whose lanes are keys of one provider. The zero value is a query that was
// never sent.
type Record struct {
	// refusals in a row drive the backoff of a query that may wait for long.
	refusals                                              int32
	unreachable, inDoubt, conflicts, breakdowns, renewals int32
	paid                                                  int32 // of those, that may have been paid for
}

// A Policy judges failures. The zero value retries nothing.
type Policy struct {
	// RetryFailed allows retries at all. Without it nothing is ever sent
	// twice, whatever the kind of failure.
	RetryFailed bool
	// MaxRetries bounds the retries of failures that may have been paid for.
	MaxRetries int
	// Backoff returns the wait before retry n, from 1. Nil is [FullJitter].
	Backoff func(n int) time.Duration
}

// What a plugin that broke was doing is sent again up to maxBroken times, for the
// second time as if it were the retry number apart: spread over a minute.
const (
	maxBroken = 2
	apart     = 8
)

// Judge decides what follows a failed attempt. It counts the failure in rec
// and, if it was in doubt, in the lane's budget. A plugin that broke is one event,
// of which the budget knows nothing: all that it was doing is sent again.
func (p Policy) Judge(err *sdk.Error, rec *Record, lane *Budget) Verdict {
	kind := effectiveKind(err)
	rule := RuleOf(kind, p.MaxRetries)
	before := rec.count(kind)
	broke := errors.Is(err, sdk.ErrPluginBroke)
	if broke {
		rule.Budgeted, rule.Retries = false, min(maxBroken, p.MaxRetries)
	}
	if rule.Paid && rule.Retries > 0 {
		rec.paid++
	}
	if rule.Budgeted {
		lane.Failure()
	}
	switch {
	case rule.StopsLane:
		return Verdict{Action: StopLane, Rule: rule}
	case !p.RetryFailed,
		err.ShouldRetry != nil && !*err.ShouldRetry,
		rule.Retries != Unlimited && before >= rule.Retries,
		rule.Paid && int(rec.paid) > p.MaxRetries,
		rule.Budgeted && !lane.Allows():
		return Verdict{Action: Fail, Rule: rule}
	}
	backoff := p.Backoff
	if backoff == nil {
		backoff = FullJitter
	}
	retry := before + 1
	if broke && retry > 1 {
		retry = apart // one of those beside it may be what breaks the plugin
	}
	wait := backoff(retry)
	if err.RetryAfter != nil && *err.RetryAfter > wait {
		wait = *err.RetryAfter
	}
	return Verdict{Action: Again, Wait: wait, Rule: rule}
}

// effectiveKind looks through a reply that only wraps an error: a status of
// 200 with an error in its body is what the inner error says.
func effectiveKind(err *sdk.Error) sdk.Kind {
	if err.Kind == "" {
		return sdk.Internal
	}
	var inner *sdk.Error
	if err.Kind == sdk.BadResponse && errors.As(err.Cause, &inner) {
		return inner.Kind
	}
	return err.Kind
}

// count returns how many failures of the kind's group came before, and adds
// this one.
func (r *Record) count(kind sdk.Kind) int {
	n := &r.refusals
	switch kind {
	case sdk.Unreachable:
		n = &r.unreachable
	case sdk.InDoubt:
		n = &r.inDoubt
	case sdk.Conflict:
		n = &r.conflicts
	case sdk.Internal:
		n = &r.breakdowns
	case sdk.CredentialRenewed:
		n = &r.renewals
	}
	*n++
	return int(*n - 1)
}
