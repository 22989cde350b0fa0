package retry

import "github.com/cortexlinux/cortex-host/sdk"

// Unlimited as a number of retries means: until the query's deadline.
const Unlimited = -1

// A Rule is what the taxonomy says of one kind of failure.
type Rule struct {
	// Retries is how often a query may be sent again on the same lane after
	// failures of this kind: a number, or Unlimited.
	Retries int
	// Budgeted retries draw on the lane's [Budget].
	Budgeted bool
	// Pauses says that the whole lane waits, not only the query.
	Pauses bool
	// StopsLane says that the lane sends nothing more.
	StopsLane bool
	// Paid says that the attempt has to be taken for billed.
	Paid bool
	// FallsBack says that another lane may do better, once this one has given
	// up on the query.
	FallsBack bool
	// OtherKey says that it is a matter of the credential: another one of the
	// same provider may do better. If not, nobody asks there again.
	OtherKey bool
}

// maxUnreachable is the number of tries for a request that was never written:
// it cost nothing, so it may be tried more often than maxRetries says, unless
// that is 0.
const maxUnreachable = 5

// RuleOf returns the rule for a kind of failure, given how many retries are
// allowed for failures that may have been paid for.
func RuleOf(kind sdk.Kind, maxRetries int) Rule {
	switch kind {
	case sdk.Unreachable:
		retries := 0
		if maxRetries > 0 {
			retries = maxUnreachable - 1
		}
		return Rule{Retries: retries, FallsBack: true}
	case sdk.RateLimited, sdk.Overloaded:
		return Rule{Retries: Unlimited, Pauses: true, FallsBack: true, OtherKey: true}
	case sdk.QuotaExhausted, sdk.Unauthenticated, sdk.PermissionDenied:
		return Rule{StopsLane: true, FallsBack: true, OtherKey: true}
	case sdk.InDoubt:
		return Rule{Retries: maxRetries, Budgeted: true, Paid: true, FallsBack: true}
	case sdk.Internal:
		return Rule{Retries: min(1, maxRetries), Budgeted: true, Paid: true, FallsBack: true}
	case sdk.Conflict:
		return Rule{Retries: min(2, maxRetries)}
	case sdk.CredentialRenewed:
		return Rule{Retries: min(2, maxRetries), FallsBack: true}
	case sdk.NotFound:
		return Rule{FallsBack: true}
	case sdk.Truncated, sdk.Refused, sdk.NotAnswered, sdk.BadResponse:
		return Rule{Paid: true}
	}
	return Rule{}
}
