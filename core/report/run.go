package report

import (
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// A Run is what a page tells beside the results: all of it is optional.
type Run struct {
	// Title is the page's heading; empty is "Run" and the ID.
	Title string
	// ID names the run, Command is the line that started it, Version the
	// host's.
	ID, Command, Version string
	// Started is when the run began, TotalTime how long it took.
	Started   time.Time
	TotalTime time.Duration
	// Stopped is why the run ended before its input did, or empty.
	Stopped string
	// Totals are the run's own counts. Nil: they are counted from the results,
	// which know nothing of the calls that failed before a query's last one.
	Totals *Totals
	// Lanes are the run's own counts by provider and model. Empty: they are
	// counted from the results.
	Lanes []Lane
	// Settings are the configuration, in the order to be shown.
	Settings []Setting
	// Notes are further things to know about the run, one sentence each.
	Notes []string
}

// Totals are the counts of a run or a lane.
type Totals struct {
	// SuccessCount and FailureCount count results, SkippedCount queries that
	// were answered in an earlier session.
	SuccessCount, FailureCount, SkippedCount int
	// TruncatedCount and DegradedCount are parts of them: replies cut short,
	// answers from a fallback lane.
	TruncatedCount, DegradedCount int
	// Attempts counts calls.
	Attempts int
	// Tokens are those that providers reported.
	Tokens sdk.Usage
	// Cost adds up what is known; UnknownCosts counts the calls of which it is
	// not.
	Cost         sdk.Money
	UnknownCosts int
}

// add counts one result.
func (t *Totals) add(r *sdk.Result) {
	if r.Success() {
		t.SuccessCount++
	} else {
		t.FailureCount++
	}
	if r.Truncated() {
		t.TruncatedCount++
	}
	if r.Degraded {
		t.DegradedCount++
	}
	t.Attempts += r.Attempts
	usage, cost := usageOf(r), costOf(r)
	if usage != nil {
		t.Tokens = t.Tokens.Add(*usage)
	}
	if cost != nil {
		t.Cost = t.Cost.Add(*cost)
	} else if r.Response != nil || r.PossiblyBilled {
		t.UnknownCosts++
	}
}

func usageOf(r *sdk.Result) *sdk.Usage {
	if r.Response != nil {
		return r.Response.Usage
	}
	if r.Error != nil {
		return r.Error.Usage
	}
	return nil
}

func costOf(r *sdk.Result) *sdk.Money {
	if r.Response != nil {
		return r.Response.Cost
	}
	return nil
}

// A Lane is a provider and a model asked for.
type Lane struct {
	// Provider is the lane's name, Model the model asked for, if any.
	Provider, Model string
	Totals
	// Waits is how long the lane had queries to send and waited, by what it
	// waited for: "concurrency", "requests", "tokens" and so on.
	Waits map[string]time.Duration
}

// A Setting is one value of the configuration.
type Setting struct {
	// Name and Value are shown as they are; Origin, if set, says where the
	// value is from.
	Name, Value, Origin string
	// Secret keeps the value off the page: only whether it is set is told.
	Secret bool
}
