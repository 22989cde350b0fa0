package httpapi

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// StatusError returns the error that a reply with an unsuccessful status
// means: its kind, message and code by status and body, and the headers' waits,
// limits, advice and request id. It knows the error bodies of OpenAI, Azure,
// Anthropic, Gemini, Groq, Mistral, Ollama, vLLM, OpenRouter, Moonshot and
// FastAPI, and makes do with the status for any other.
func StatusError(status int, h Header, body []byte) *sdk.Error {
	now := time.Now()
	p := readProblem(body)
	e := &sdk.Error{
		Kind: kindOf(status, &p), Message: p.message, Code: p.code, Status: status,
		RetryAfter: RetryAfter(h, now), RateLimit: RateLimit(h, now), RequestID: requestID(h),
	}
	if e.RetryAfter == nil {
		e.RetryAfter = p.delay
	}
	switch get(h, "X-Should-Retry") {
	case "true":
		e.ShouldRetry = new(bool)
		*e.ShouldRetry = true
	case "false":
		e.ShouldRetry = new(bool)
	}
	if status >= 300 && status < 400 {
		e.Message = fmt.Sprintf("the server redirects to %s, which is not followed; set the base URL to the right address", plain(get(h, "Location"), 200))
	}
	if e.Message == "" {
		e.Message = strings.ToLower(http.StatusText(status))
		if said := excerpt(body); len(said) > len("{}") {
			e.Message += ": " + said // in a form of the vendor's own
		}
	}
	return e
}

// bodyError is the error inside the body of a successful status, but for the
// status and the request id, which the reply knows.
func bodyError(h Header, body []byte) *sdk.Error {
	p := readProblem(body)
	e := &sdk.Error{
		Kind: sdk.BadResponse, Message: p.message, Code: p.code,
		RetryAfter: RetryAfter(h, time.Now()), RateLimit: RateLimit(h, time.Now()),
	}
	if e.RetryAfter == nil {
		e.RetryAfter = p.delay
	}
	if kind, ok := kindByBody(&p, p.status); ok {
		e.Kind = kind
	} else if p.status != 0 {
		e.Kind = kindByStatus(p.status)
	}
	if !p.found {
		e.Message = fmt.Sprintf("the reply holds neither an answer nor an error: %q", excerpt(body))
	}
	return e
}

// kindOf prefers what the body says: statuses are coarse, and some vendors use
// them freely (a spent quota is 429 with OpenAI, a wrong key 400 with Gemini).
func kindOf(status int, p *problem) sdk.Kind {
	if status >= 400 {
		if kind, ok := kindByBody(p, status); ok {
			return kind
		}
	}
	return kindByStatus(status)
}

// kindByBody looks for the names and phrases that vendors use, most specific
// first. status narrows those that are ambiguous without it.
func kindByBody(p *problem, status int) (sdk.Kind, bool) {
	if status >= 500 && status != http.StatusServiceUnavailable && status != statusOverloaded {
		// A server that failed may have worked before: only an overload of
		// its own naming is less than that.
		return sdk.Overloaded, p.has("overloaded")
	}
	switch {
	case p.perDay,
		p.has("insufficient_quota", "billing", "spend_limit_exceeded", "exceeded_current_quota", "insufficient_credits", "insufficient_balance"),
		p.says("credit balance is too low", "exceeded your current quota, please check your plan", "out of call volume quota") && !p.retriable():
		return sdk.QuotaExhausted, true
	case p.has("api_key_invalid", "invalid_api_key", "authentication_error", "unauthenticated"),
		p.says("api key not valid", "api key expired"):
		return sdk.Unauthenticated, true
	case p.has("content_filter", "content_policy", "responsibleaipolicyviolation", "moderation_blocked"):
		return sdk.ContentFiltered, true
	case p.has("context_length_exceeded", "exceed_context_size"),
		status < 429 && p.says("maximum context length", "prompt is too long", "exceeds the maximum number of tokens", "exceeds maximum context", "exceeds the available context"):
		return sdk.ContextLength, true
	case p.has("model_not_found", "deploymentnotfound"), p.has("not_found") && status == http.StatusForbidden:
		return sdk.NotFound, true
	case status == http.StatusRequestEntityTooLarge:
		return sdk.InvalidRequest, true // Groq: "request too large", with a rate's code
	case p.has("overloaded"), status >= http.StatusTooManyRequests && p.says("overloaded"):
		return sdk.Overloaded, true
	case p.has("slow_down", "rate_limit", "resource_exhausted"):
		return sdk.RateLimited, true
	case p.has("permission_denied", "permission_error"):
		return sdk.PermissionDenied, true
	}
	return "", false
}

// retriable reports whether the body itself gives a short wait: Gemini says
// "exceeded your current quota" of its per-minute limits too.
func (p *problem) retriable() bool { return p.delay != nil || p.has("resource_exhausted") }

const (
	statusOverloaded   = 529 // Anthropic
	statusFlexCapacity = 498 // Groq
	statusClientClosed = 499 // nginx and others: the request was given up
)

func kindByStatus(status int) sdk.Kind {
	switch status {
	case http.StatusUnauthorized:
		return sdk.Unauthenticated
	case http.StatusPaymentRequired:
		return sdk.QuotaExhausted
	case http.StatusForbidden:
		return sdk.PermissionDenied
	case http.StatusNotFound:
		return sdk.NotFound
	case http.StatusRequestTimeout, statusClientClosed:
		return sdk.InDoubt
	case http.StatusConflict:
		return sdk.Conflict
	case http.StatusTooManyRequests:
		return sdk.RateLimited
	case http.StatusServiceUnavailable, statusOverloaded, statusFlexCapacity:
		return sdk.Overloaded
	}
	switch {
	case status >= 300 && status < 400:
		return sdk.NotFound
	case status >= 400 && status < 500:
		return sdk.InvalidRequest
	}
	return sdk.InDoubt
}
