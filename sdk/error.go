package sdk

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Kind is the class of a failure. It decides what the host does next: whether
// it tries again, whether the lane stops, what is assumed to be billed.
//
// Kinds are append only and travel by name. A Kind is an error, so that
// errors.Is(err, sdk.NotFound) works.
type Kind string

// Error returns the name of the kind.
func (k Kind) Error() string { return string(k) }

// Kinds that a provider reports.
const (
	// Unreachable: the request was never written (DNS, refused connection).
	Unreachable Kind = "unreachable"
	// RateLimited: refused because of a rate (HTTP 429, slow_down).
	RateLimited Kind = "rate_limited"
	// Overloaded: refused because the vendor is busy (503, 529).
	Overloaded Kind = "overloaded"
	// QuotaExhausted: no money or quota is left (402, insufficient_quota).
	QuotaExhausted Kind = "quota_exhausted"
	// Unauthenticated: the key is missing, wrong or expired (401).
	Unauthenticated Kind = "unauthenticated"
	// PermissionDenied: the key may not do this (403).
	PermissionDenied Kind = "permission_denied"
	// InDoubt: the request was written, its fate is not known (timeout or reset
	// after writing, 408, other 5xx, broken body). It may have been billed.
	InDoubt Kind = "in_doubt"
	// InvalidRequest: the vendor does not accept the request (400, 413, 422).
	InvalidRequest Kind = "invalid_request"
	// ContextLength: the prompt does not fit the model.
	ContextLength Kind = "context_length"
	// NotFound: no such model or address (404).
	NotFound Kind = "not_found"
	// ContentFiltered: prompt or reply was stopped by the vendor's policy.
	ContentFiltered Kind = "content_filtered"
	// Truncated: the reply was cut by length; what came is kept.
	Truncated Kind = "truncated"
	// Refused: the model declined to answer.
	Refused Kind = "refused"
	// NotAnswered: the provider does not know. Never an answer.
	NotAnswered Kind = "not_answered"
	// BadResponse: a reply that cannot be used (200 with an error body, empty,
	// unparsable, not of the schema asked for).
	BadResponse Kind = "bad_response"
	// Conflict: HTTP 409.
	Conflict Kind = "conflict"
	// Internal: the plugin crashed or broke the contract.
	Internal Kind = "internal"
)

// Kinds that only the host reports.
const (
	// Canceled: the run ended before the query was settled.
	Canceled Kind = "canceled"
	// DeadlineExceeded: the query's or the run's own deadline passed.
	DeadlineExceeded Kind = "deadline_exceeded"
	// BudgetExhausted: the run's budget does not admit another attempt.
	BudgetExhausted Kind = "budget_exhausted"
	// TooLarge: the query can never fit the lane's limits or the budget.
	TooLarge Kind = "too_large"
	// LaneStopped: the lane was stopped by an earlier failure, such as a wrong
	// key, and the query was not sent.
	LaneStopped Kind = "lane_stopped"
	// GeneratorFailed: the generator reported an error for this item.
	GeneratorFailed Kind = "generator_failed"
	// CredentialRenewed: the key was refused because it had expired, and the
	// host has handed the provider a new one. The call can be made again.
	CredentialRenewed Kind = "credential_renewed"
)

var kinds = []Kind{
	Unreachable, RateLimited, Overloaded, QuotaExhausted, Unauthenticated, PermissionDenied,
	InDoubt, InvalidRequest, ContextLength, NotFound, ContentFiltered, Truncated, Refused,
	NotAnswered, BadResponse, Conflict, Internal,
	Canceled, DeadlineExceeded, BudgetExhausted, TooLarge, LaneStopped, GeneratorFailed,
	CredentialRenewed,
}

// Kinds returns every kind, in the order in which they were added.
func Kinds() []Kind { return slices.Clone(kinds) }

// Error is a failure with its kind and what the host needs to act on it.
type Error struct {
	// Kind is what happened. Empty counts as [Internal].
	Kind Kind
	// Message says it for people. It may quote a vendor: untrusted text.
	Message string
	// Provider names the provider instance that failed. The host sets it.
	Provider string
	// Code is the vendor's own code, such as "insufficient_quota", or empty.
	Code string
	// Status is the HTTP status, 0 if there was none.
	Status int
	// RetryAfter is the wait that the vendor asked for, nil if it did not.
	RetryAfter *time.Duration
	// ShouldRetry is the vendor's explicit advice (x-should-retry), nil
	// without. False always wins.
	ShouldRetry *bool
	// RequestID is the vendor's id of the request, or empty.
	RequestID string
	// RateLimit is what the reply's headers said, nil without any. It is for
	// the limiter and stays out of results.
	RateLimit *RateLimit
	// Usage is what the failed attempt used, if the vendor said so.
	Usage *Usage
	// Cause is the error underneath, or nil. It does not cross a wire.
	Cause error
}

// ErrPluginBroke is in the chain of an [Internal] error if the provider's process
// ended while the call was under way, or broke the stream that the call was on:
// one event, however many calls it took with it, and no sign that the query or
// the vendor is to blame.
var ErrPluginBroke = errors.New("the plugin broke")

// Errorf returns an [*Error] with a formatted message. A %w in the format sets
// Cause.
func Errorf(kind Kind, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Kind: kind, Message: err.Error(), Cause: errors.Unwrap(err)}
}

// AsError returns err as an [*Error]: the one in its chain, else a new one of
// the given kind. It returns nil for nil.
func AsError(err error, kind Kind) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Kind: kind, Message: err.Error(), Cause: err}
}

// KindOf returns the kind of the first [*Error] or [Kind] in err's chain,
// [Internal] for any other error and "" for nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) && e.Kind != "" {
		return e.Kind
	}
	var k Kind
	if errors.As(err, &k) && k != "" {
		return k
	}
	return Internal
}

// Error returns "provider: kind (status code): message".
func (e *Error) Error() string {
	kind := e.Kind
	if kind == "" {
		kind = Internal
	}
	s := string(kind)
	if e.Status != 0 {
		s = fmt.Sprintf("%s (HTTP %d)", s, e.Status)
	}
	if e.Provider != "" {
		s = e.Provider + ": " + s
	}
	if e.Message != "" {
		s += ": " + e.Message
	}
	return s
}

// Unwrap makes errors.Is work for the kind and for the cause.
func (e *Error) Unwrap() []error {
	kind := e.Kind
	if kind == "" {
		kind = Internal
	}
	if e.Cause == nil {
		return []error{kind}
	}
	return []error{kind, e.Cause}
}

type errorJSON struct {
	Kind       Kind     `json:"kind"`
	Message    string   `json:"message,omitempty"`
	Provider   string   `json:"provider,omitempty"`
	Code       string   `json:"code,omitempty"`
	Status     int      `json:"status,omitempty"`
	RetryAfter *float64 `json:"retry_after,omitempty"`
	RequestID  string   `json:"request_id,omitempty"`
	Usage      *Usage   `json:"usage,omitempty"`
}

// MarshalJSON writes what a result row tells of the error.
func (e Error) MarshalJSON() ([]byte, error) { return e.AppendJSON(nil), nil }

// UnmarshalJSON reads what MarshalJSON writes and ignores what it does not know.
func (e *Error) UnmarshalJSON(data []byte) error {
	var w errorJSON
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	*e = Error{Kind: w.Kind, Message: w.Message, Provider: w.Provider, Code: w.Code,
		Status: w.Status, RequestID: w.RequestID, Usage: w.Usage}
	if w.RetryAfter != nil {
		d := duration(*w.RetryAfter)
		e.RetryAfter = &d
	}
	return nil
}

// An ItemError is a failure of one item of the input: a generator's error for
// it, or an input row that is no query. In a sequence of queries
// (iter.Seq2[Query, error]) it becomes a failed [Result] of its own and the run
// goes on; any other error in the sequence ends the input.
type ItemError struct {
	// ID is the query id that the item would have had, or a made-up one.
	ID string
	// Metadata is carried to the result.
	Metadata map[string]string
	// Err says what is wrong. Its kind is usually [GeneratorFailed] or
	// [InvalidRequest].
	Err *Error
}

// Error names the item.
func (e *ItemError) Error() string {
	return fmt.Sprintf("item %q: %s", shorten(e.ID, 64), e.Err.Message)
}

// Unwrap returns Err.
func (e *ItemError) Unwrap() error { return e.Err }
