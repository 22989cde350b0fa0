package main

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// A fault is a way to fail on purpose.
type fault struct {
	kind   sdk.Kind
	status int
	// finish, if set, makes it a reply that ends so, which the host counts as
	// kind.
	finish sdk.FinishReason
	upTo   float64 // the draws below this, from the one before
}

// faults are ways to fail, each with its share of calls.
type faults struct {
	list       []fault
	retryAfter *time.Duration
}

var knownFaults = []fault{
	{kind: sdk.Unreachable}, {kind: sdk.RateLimited, status: 429}, {kind: sdk.Overloaded, status: 503},
	{kind: sdk.QuotaExhausted, status: 429}, {kind: sdk.Unauthenticated, status: 401},
	{kind: sdk.PermissionDenied, status: 403}, {kind: sdk.InDoubt, status: 500},
	{kind: sdk.InvalidRequest, status: 400}, {kind: sdk.ContextLength, status: 400},
	{kind: sdk.NotFound, status: 404}, {kind: sdk.Conflict, status: 409},
	{kind: sdk.ContentFiltered, finish: sdk.Filtered}, {kind: sdk.Truncated, finish: sdk.Length},
	{kind: sdk.Refused, finish: sdk.Refusal}, {kind: sdk.NotAnswered},
	{kind: sdk.BadResponse, status: 200}, {kind: sdk.Internal},
}

func newFaults(rates map[sdk.Kind]float64, retryAfter string) (faults, error) {
	var f faults
	wait, err := parseDuration("error_retry_after", retryAfter)
	if err != nil {
		return f, err
	}
	if wait > 0 {
		f.retryAfter = &wait
	}
	sum := 0.0
	for _, kind := range slices.SortedFunc(maps.Keys(rates), func(a, b sdk.Kind) int { return cmp.Compare(a, b) }) {
		at := slices.IndexFunc(knownFaults, func(k fault) bool { return k.kind == kind })
		if at < 0 {
			return f, invalid("error_rates: %q is no kind that a provider reports, such as rate_limited, overloaded or in_doubt", kind)
		}
		if rate := rates[kind]; !(rate >= 0 && rate <= 1) {
			return f, invalid("error_rates: %s is %v; set it from 0 to 1", kind, rate)
		}
		sum += rates[kind]
		this := knownFaults[at]
		this.upTo = sum
		f.list = append(f.list, this)
	}
	if sum > 1+1e-9 {
		return f, invalid("error_rates: they are %v together; at most 1", sum)
	}
	return f, nil
}

// pick returns the fault for a draw from 0 to 1, nil for none.
func (f *faults) pick(draw float64) *fault {
	for i := range f.list {
		if draw < f.list[i].upTo {
			return &f.list[i]
		}
	}
	return nil
}

// failure returns the fault as an error.
func (f *faults) failure(this *fault) *sdk.Error {
	e := &sdk.Error{Kind: this.kind, Status: this.status, Code: "simulated", Message: "simulated " + string(this.kind)}
	if this.kind == sdk.RateLimited || this.kind == sdk.Overloaded {
		e.RetryAfter = f.retryAfter
	}
	return e
}
