package httpapi

import (
	"strconv"
	"strings"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// windowNames are the headers, in canonical form, that tell of one window.
type windowNames struct{ limit, remaining, reset string }

var (
	openAIRequests = windowNames{"X-Ratelimit-Limit-Requests", "X-Ratelimit-Remaining-Requests", "X-Ratelimit-Reset-Requests"}
	openAITokens   = windowNames{"X-Ratelimit-Limit-Tokens", "X-Ratelimit-Remaining-Tokens", "X-Ratelimit-Reset-Tokens"}

	anthropicRequests = windowNames{"Anthropic-Ratelimit-Requests-Limit", "Anthropic-Ratelimit-Requests-Remaining", "Anthropic-Ratelimit-Requests-Reset"}
	anthropicTokens   = windowNames{"Anthropic-Ratelimit-Tokens-Limit", "Anthropic-Ratelimit-Tokens-Remaining", "Anthropic-Ratelimit-Tokens-Reset"}
	anthropicInput    = windowNames{"Anthropic-Ratelimit-Input-Tokens-Limit", "Anthropic-Ratelimit-Input-Tokens-Remaining", "Anthropic-Ratelimit-Input-Tokens-Reset"}
	anthropicOutput   = windowNames{"Anthropic-Ratelimit-Output-Tokens-Limit", "Anthropic-Ratelimit-Output-Tokens-Remaining", "Anthropic-Ratelimit-Output-Tokens-Reset"}
)

// RateLimit reads what a reply's headers say of limits, in the forms of OpenAI
// (and Azure and most compatible servers) and of Anthropic. now is the time of
// the reply. It returns nil if they say nothing; what is missing, unreadable,
// or a limit of 0 or less (Azure writes -1) stays unknown.
func RateLimit(h Header, now time.Time) *sdk.RateLimit {
	r := sdk.RateLimit{
		Requests: window(h, openAIRequests, openAIReset, now),
		Tokens:   window(h, openAITokens, openAIReset, now),
	}
	if r.Empty() {
		r = sdk.RateLimit{
			Requests:     window(h, anthropicRequests, anthropicReset, now),
			Tokens:       window(h, anthropicTokens, anthropicReset, now),
			InputTokens:  window(h, anthropicInput, anthropicReset, now),
			OutputTokens: window(h, anthropicOutput, anthropicReset, now),
		}
	}
	if r.Empty() {
		return nil
	}
	found := r // on the heap only if there is something
	return &found
}

func window(h Header, names windowNames, parseReset func(string, Header, time.Time) (time.Duration, bool), now time.Time) sdk.Window {
	w := sdk.Window{Limit: count(get(h, names.limit), 1), Remaining: count(get(h, names.remaining), 0)}
	if s := get(h, names.reset); s != "" {
		if d, ok := parseReset(s, h, now); ok {
			w.Reset = &d
		}
	}
	return w
}

// openAIReset reads a duration such as 6m0s.
func openAIReset(s string, _ Header, _ time.Time) (time.Duration, bool) { return duration(s) }

// anthropicReset reads a time in RFC 3339.
func anthropicReset(s string, h Header, now time.Time) (time.Duration, bool) {
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return 0, false
	}
	d := max(0, at.Sub(vendorNow(h, now)))
	return d, d <= maxWait
}

// count returns nil for what is no number, or one below the least that makes
// sense.
func count(s string, least int64) *int64 {
	if s == "" {
		return nil // the usual case; an error of strconv's is memory
	}
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil || n < least {
		return nil
	}
	return &n
}
