// Package retry says what the outcome of an attempt means: may the query be
// sent again, when, and what may the attempt have cost.
//
// [RuleOf] is the taxonomy, one row a kind. [Policy.Judge] applies it to one
// failure, given what the query has been through ([Record]) and the lane's
// retry budget ([Budget]). Nothing here sleeps, sends or keeps a clock: the
// caller puts the query back into its queue with a not-before time.
//
// The kinds fall into six groups:
//
//   - refused ([sdk.RateLimited], [sdk.Overloaded]): nothing was done, the
//     query waits as long as its deadline allows;
//   - not sent ([sdk.Unreachable]): up to five tries;
//   - in doubt ([sdk.InDoubt], and [sdk.Internal] once): the work may have
//     been done and billed, so retries are few and draw on a budget that an
//     outage empties;
//   - renewed ([sdk.CredentialRenewed]): refused because the key had expired,
//     and there is a new one: twice at most;
//   - stop the lane ([sdk.Unauthenticated], [sdk.PermissionDenied],
//     [sdk.QuotaExhausted]): no later query can fare better;
//   - permanent, everything else: the same question gets the same answer.
package retry
