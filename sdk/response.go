package sdk

import (
	"encoding/json"
	"time"
)

// FinishReason says why a model stopped.
type FinishReason string

// The finish reasons. A reply that did not end with Stop or ToolUse is never a
// silent success: the host turns Length into the error kind [Truncated],
// Filtered into [ContentFiltered] and Refusal into [Refused], and keeps the
// text.
const (
	// FinishUnknown is the zero value: the vendor said nothing. It counts as Stop.
	FinishUnknown FinishReason = ""
	// Stop is a complete reply.
	Stop FinishReason = "stop"
	// ToolUse is a reply that asks for tools to be run.
	ToolUse FinishReason = "tool_use"
	// Length is a reply cut short by max_tokens or the context window.
	Length FinishReason = "length"
	// Filtered is a reply withheld by the vendor's content filter.
	Filtered FinishReason = "content_filter"
	// Refusal is a reply in which the model declined.
	Refusal FinishReason = "refusal"
)

// A Response is what a provider got for one query.
type Response struct {
	// Content is the text of the reply. It is the model's: untrusted.
	Content string
	// ToolCalls are what the model asks to have called ([ToolUse]).
	ToolCalls []ToolCall
	// Provider is the name of the provider instance. The host sets it.
	Provider string
	// Model is the model asked for; ModelServed the one that answered, if the
	// vendor says so.
	Model, ModelServed string
	// Usage is nil if the vendor did not report any.
	Usage *Usage
	// Cost is nil if it is not known. The host fills it in from prices; a
	// provider sets it only if its vendor reports the amount.
	Cost *Money
	// Latency is the duration of the one call that succeeded.
	Latency time.Duration
	// FinishReason says why the model stopped.
	FinishReason FinishReason
	// RequestID is the vendor's id of the request, for its support.
	RequestID string
	// RateLimit is what the reply's headers said, nil without any. It is for
	// the limiter and stays out of results.
	RateLimit *RateLimit
}

// Usage counts tokens by kind. CachedTokens and CacheWriteTokens are parts of
// PromptTokens; ReasoningTokens is a part of CompletionTokens.
type Usage struct {
	PromptTokens     int64 `json:"prompt_tokens"`
	CompletionTokens int64 `json:"completion_tokens"`
	// CachedTokens were read from the vendor's prompt cache.
	CachedTokens int64 `json:"cached_tokens,omitempty"`
	// CacheWriteTokens were written to it.
	CacheWriteTokens int64 `json:"cache_write_tokens,omitempty"`
	// ReasoningTokens were thought, paid for and not shown.
	ReasoningTokens int64 `json:"reasoning_tokens,omitempty"`
}

// TotalTokens is prompt plus completion.
func (u Usage) TotalTokens() int64 { return u.PromptTokens + u.CompletionTokens }

// Add returns the sum of both usages, kind by kind.
func (u Usage) Add(v Usage) Usage {
	return Usage{
		PromptTokens:     u.PromptTokens + v.PromptTokens,
		CompletionTokens: u.CompletionTokens + v.CompletionTokens,
		CachedTokens:     u.CachedTokens + v.CachedTokens,
		CacheWriteTokens: u.CacheWriteTokens + v.CacheWriteTokens,
		ReasoningTokens:  u.ReasoningTokens + v.ReasoningTokens,
	}
}

type responseJSON struct {
	Content      string       `json:"content"`
	ToolCalls    []ToolCall   `json:"tool_calls,omitempty"`
	Provider     string       `json:"provider,omitempty"`
	Model        string       `json:"model,omitempty"`
	ModelServed  string       `json:"model_served,omitempty"`
	Usage        *Usage       `json:"usage,omitempty"`
	Cost         *Money       `json:"cost,omitempty"`
	Latency      float64      `json:"latency,omitempty"`
	FinishReason FinishReason `json:"finish_reason,omitempty"`
	RequestID    string       `json:"request_id,omitempty"`
}

// MarshalJSON writes the response with its latency in seconds.
func (r Response) MarshalJSON() ([]byte, error) { return r.AppendJSON(nil), nil }

// UnmarshalJSON reads what MarshalJSON writes. Fields that it does not know
// are ignored: a newer version may have written the row.
func (r *Response) UnmarshalJSON(data []byte) error {
	var w responseJSON
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	*r = Response{Content: w.Content, ToolCalls: w.ToolCalls, Provider: w.Provider, Model: w.Model, ModelServed: w.ModelServed,
		Usage: w.Usage, Cost: w.Cost, Latency: duration(w.Latency), FinishReason: w.FinishReason, RequestID: w.RequestID}
	return nil
}

// seconds rounds to microseconds: more is noise in a row that people read.
func seconds(d time.Duration) float64 { return float64(d.Round(time.Microsecond).Microseconds()) / 1e6 }

func duration(s float64) time.Duration {
	return time.Duration(s * float64(time.Second)).Round(time.Microsecond)
}
