package report

import "github.com/cortexlinux/cortex-host/sdk"

// explanations say what a kind of failure means and what helps.
var explanations = map[sdk.Kind]string{
	sdk.Unreachable:       "The request was never sent: the address could not be reached. Check the base URL, the network and the proxy.",
	sdk.RateLimited:       "The vendor refused because of a rate limit. Lower the rate, or give the run more time.",
	sdk.Overloaded:        "The vendor was too busy. Try again later.",
	sdk.QuotaExhausted:    "No money or quota is left with the vendor.",
	sdk.Unauthenticated:   "The key is missing, wrong or expired.",
	sdk.PermissionDenied:  "The key may not do this.",
	sdk.InDoubt:           "The request was sent, but its fate is not known: a timeout, a broken connection or a server error. It may have been billed.",
	sdk.InvalidRequest:    "The vendor does not accept the request. The message says why.",
	sdk.ContextLength:     "The prompt does not fit the model.",
	sdk.NotFound:          "There is no such model or address.",
	sdk.ContentFiltered:   "The prompt or the reply was stopped by the vendor's policy.",
	sdk.Truncated:         "The reply was cut short by its length; what came is kept. Raise max_tokens.",
	sdk.Refused:           "The model declined to answer.",
	sdk.NotAnswered:       "The provider does not know the answer and says so.",
	sdk.BadResponse:       "The reply could not be used: empty, unreadable or not of the schema that was asked for.",
	sdk.Conflict:          "The vendor reported a conflict with another request.",
	sdk.Internal:          "The provider plugin crashed or broke its contract.",
	sdk.Canceled:          "The run ended before the query was settled. Resume the run to ask it again.",
	sdk.DeadlineExceeded:  "The time allowed for the query or the run was over.",
	sdk.BudgetExhausted:   "The budget of the run did not allow another call.",
	sdk.TooLarge:          "The query can never fit the limits or the budget.",
	sdk.LaneStopped:       "The provider was stopped by an earlier failure, so the query was not sent.",
	sdk.GeneratorFailed:   "The generator reported an error for this item.",
	sdk.CredentialRenewed: "The key had expired. There is a new one now: ask again.",
}

// A cause is what a lane waited for.
type cause struct{ name, advice string }

// causes explains the causes of waits that the executor tells of.
var causes = map[string]cause{
	"concurrency":    {"Concurrency", "all slots were taken (max_concurrent)"},
	"requests":       {"Request rate", "the limit of requests in a time"},
	"tokens":         {"Token rate", "the limit of tokens in a time"},
	"provider_pause": {"Pause asked for by the vendor", "Retry-After, or a server that was too busy"},
	"backoff":        {"Backoff", "waits before a failed call is tried again"},
	"provider_down":  {"Provider down", "calls failed again and again, so none was sent for a while"},
	"money":          {"Budget", "money was reserved for calls under way"},
}
