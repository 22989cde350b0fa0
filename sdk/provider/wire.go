package provider

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/cortexlinux/cortex-host/sdk"
	providerv1 "github.com/cortexlinux/cortex-host/sdk/proto/cortex/provider/v1"
)

// Conversions between the wire and sdk. Both sides ignore what they do not
// know: an unknown kind is internal, an unknown reason or role is empty.

var roles = map[sdk.Role]providerv1.Role{
	sdk.System:    providerv1.Role_ROLE_SYSTEM,
	sdk.Developer: providerv1.Role_ROLE_DEVELOPER,
	sdk.User:      providerv1.Role_ROLE_USER,
	sdk.Assistant: providerv1.Role_ROLE_ASSISTANT,
	sdk.ToolRole:  providerv1.Role_ROLE_TOOL,
}

var finishReasons = map[sdk.FinishReason]providerv1.FinishReason{
	sdk.FinishUnknown: providerv1.FinishReason_FINISH_REASON_UNSPECIFIED,
	sdk.Stop:          providerv1.FinishReason_FINISH_REASON_STOP,
	sdk.ToolUse:       providerv1.FinishReason_FINISH_REASON_TOOL_USE,
	sdk.Length:        providerv1.FinishReason_FINISH_REASON_LENGTH,
	sdk.Filtered:      providerv1.FinishReason_FINISH_REASON_CONTENT_FILTER,
	sdk.Refusal:       providerv1.FinishReason_FINISH_REASON_REFUSAL,
}

var kinds = map[sdk.Kind]providerv1.ErrorKind{
	sdk.Unreachable:      providerv1.ErrorKind_ERROR_KIND_UNREACHABLE,
	sdk.RateLimited:      providerv1.ErrorKind_ERROR_KIND_RATE_LIMITED,
	sdk.Overloaded:       providerv1.ErrorKind_ERROR_KIND_OVERLOADED,
	sdk.QuotaExhausted:   providerv1.ErrorKind_ERROR_KIND_QUOTA_EXHAUSTED,
	sdk.Unauthenticated:  providerv1.ErrorKind_ERROR_KIND_UNAUTHENTICATED,
	sdk.PermissionDenied: providerv1.ErrorKind_ERROR_KIND_PERMISSION_DENIED,
	sdk.InDoubt:          providerv1.ErrorKind_ERROR_KIND_IN_DOUBT,
	sdk.InvalidRequest:   providerv1.ErrorKind_ERROR_KIND_INVALID_REQUEST,
	sdk.ContextLength:    providerv1.ErrorKind_ERROR_KIND_CONTEXT_LENGTH,
	sdk.NotFound:         providerv1.ErrorKind_ERROR_KIND_NOT_FOUND,
	sdk.ContentFiltered:  providerv1.ErrorKind_ERROR_KIND_CONTENT_FILTERED,
	sdk.Truncated:        providerv1.ErrorKind_ERROR_KIND_TRUNCATED,
	sdk.Refused:          providerv1.ErrorKind_ERROR_KIND_REFUSED,
	sdk.NotAnswered:      providerv1.ErrorKind_ERROR_KIND_NOT_ANSWERED,
	sdk.BadResponse:      providerv1.ErrorKind_ERROR_KIND_BAD_RESPONSE,
	sdk.Conflict:         providerv1.ErrorKind_ERROR_KIND_CONFLICT,
	sdk.Internal:         providerv1.ErrorKind_ERROR_KIND_INTERNAL,
}

var (
	rolesFromWire         = invert(roles)
	finishReasonsFromWire = invert(finishReasons)
	kindsFromWire         = invert(kinds)
)

func invert[K, V comparable](m map[K]V) map[V]K {
	out := make(map[V]K, len(m))
	for k, v := range m {
		out[v] = k
	}
	return out
}

func responseToWire(r *sdk.Response) *providerv1.Response {
	w := &providerv1.Response{
		Content:      r.Content,
		ModelServed:  r.ModelServed,
		Model:        r.Model,
		Usage:        usageToWire(r.Usage),
		FinishReason: finishReasons[r.FinishReason],
		RequestId:    r.RequestID,
		ToolCalls:    toolCallsToWire(r.ToolCalls),
	}
	if r.Latency > 0 {
		w.Latency = durationpb.New(r.Latency)
	}
	if r.Cost != nil {
		cost := int64(*r.Cost)
		w.CostPicodollars = &cost
	}
	return w
}

func responseFromWire(w *providerv1.Response) *sdk.Response {
	r := &sdk.Response{
		Content:      w.GetContent(),
		ModelServed:  w.GetModelServed(),
		Model:        w.GetModel(),
		Usage:        usageFromWire(w.GetUsage()),
		FinishReason: finishReasonsFromWire[w.GetFinishReason()],
		RequestID:    w.GetRequestId(),
		ToolCalls:    toolCallsFromWire(w.GetToolCalls()),
		Latency:      max(0, w.GetLatency().AsDuration()),
	}
	if w.CostPicodollars != nil {
		cost := sdk.Money(max(0, *w.CostPicodollars))
		r.Cost = &cost
	}
	return r
}

func errorToWire(e *sdk.Error) *providerv1.Error {
	w := &providerv1.Error{
		Kind:        kinds[e.Kind],
		Message:     e.Message,
		Code:        e.Code,
		Status:      int32(e.Status),
		ShouldRetry: e.ShouldRetry,
		RequestId:   e.RequestID,
		Usage:       usageToWire(e.Usage),
	}
	if w.Kind == providerv1.ErrorKind_ERROR_KIND_UNSPECIFIED {
		w.Kind = providerv1.ErrorKind_ERROR_KIND_INTERNAL
	}
	if e.RetryAfter != nil {
		w.RetryAfter = durationpb.New(*e.RetryAfter)
	}
	return w
}

func errorFromWire(w *providerv1.Error) *sdk.Error {
	e := &sdk.Error{
		Kind:        kindsFromWire[w.GetKind()],
		Message:     w.GetMessage(),
		Code:        w.GetCode(),
		Status:      int(w.GetStatus()),
		ShouldRetry: w.ShouldRetry,
		RequestID:   w.GetRequestId(),
		Usage:       usageFromWire(w.GetUsage()),
	}
	if e.Kind == "" {
		e.Kind = sdk.Internal
	}
	e.RetryAfter = positive(w.GetRetryAfter())
	return e
}

func usageToWire(u *sdk.Usage) *providerv1.Usage {
	if u == nil {
		return nil
	}
	return &providerv1.Usage{
		PromptTokens: u.PromptTokens, CompletionTokens: u.CompletionTokens, CachedTokens: u.CachedTokens,
		CacheWriteTokens: u.CacheWriteTokens, ReasoningTokens: u.ReasoningTokens,
	}
}

// usageFromWire distrusts the plugin: a count is never negative, nor so large
// that sums overflow.
func usageFromWire(w *providerv1.Usage) *sdk.Usage {
	if w == nil {
		return nil
	}
	count := func(n int64) int64 { return min(max(0, n), 1<<40) }
	return &sdk.Usage{
		PromptTokens: count(w.GetPromptTokens()), CompletionTokens: count(w.GetCompletionTokens()), CachedTokens: count(w.GetCachedTokens()),
		CacheWriteTokens: count(w.GetCacheWriteTokens()), ReasoningTokens: count(w.GetReasoningTokens()),
	}
}

func rateLimitToWire(r *sdk.RateLimit) *providerv1.RateLimit {
	if r.Empty() {
		return nil
	}
	return &providerv1.RateLimit{
		Requests: windowToWire(r.Requests), Tokens: windowToWire(r.Tokens),
		InputTokens: windowToWire(r.InputTokens), OutputTokens: windowToWire(r.OutputTokens),
	}
}

func rateLimitFromWire(w *providerv1.RateLimit) *sdk.RateLimit {
	r := &sdk.RateLimit{
		Requests: windowFromWire(w.GetRequests()), Tokens: windowFromWire(w.GetTokens()),
		InputTokens: windowFromWire(w.GetInputTokens()), OutputTokens: windowFromWire(w.GetOutputTokens()),
	}
	if r.Empty() {
		return nil
	}
	return r
}

func windowToWire(w sdk.Window) *providerv1.Window {
	if w == (sdk.Window{}) {
		return nil
	}
	out := &providerv1.Window{Limit: w.Limit, Remaining: w.Remaining}
	if w.Reset != nil {
		out.Reset_ = durationpb.New(*w.Reset)
	}
	return out
}

func windowFromWire(w *providerv1.Window) sdk.Window {
	if w == nil {
		return sdk.Window{}
	}
	var out sdk.Window
	if w.Limit != nil && *w.Limit > 0 {
		out.Limit = w.Limit
	}
	if w.Remaining != nil && *w.Remaining >= 0 {
		out.Remaining = w.Remaining
	}
	if d := w.GetReset_().AsDuration(); w.GetReset_() != nil && d >= 0 {
		out.Reset = &d
	}
	return out
}

// positive returns nil for no wait and for nonsense.
func positive(w *durationpb.Duration) *time.Duration {
	if d := w.AsDuration(); w.IsValid() && d > 0 {
		return &d
	}
	return nil
}
