package format

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// OpenAI writes rows as OpenAI's batches do: for each query the reply as the
// API would have given it, or the error. What the format has no place for is
// in an object of its own, [OpenAIExtras].
//
// Answers belong into the output file, all else into the error file. A reply
// that was cut short or filtered has its status 200 and its text, and is of
// the error file all the same: the query has no full answer.
type OpenAI struct {
	// Now tells the time of a reply; nil is [time.Now].
	Now func() time.Time
}

var _ Encoder = OpenAI{}

type openAIRow struct {
	ID       string          `json:"id"`
	CustomID string          `json:"custom_id"`
	Response *openAIResponse `json:"response"`
	Error    *openAIRowError `json:"error"`
	Extras   OpenAIExtras    `json:"cortex_host"`
}

type openAIResponse struct {
	StatusCode int        `json:"status_code"`
	RequestID  string     `json:"request_id"`
	Body       openAIBody `json:"body"`
}

// openAIBody is a reply or an error.
type openAIBody struct {
	*openAIReply
	Error *openAIAPIError `json:"error,omitempty"`
}

type openAIRowError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

type openAIAPIError struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    *string `json:"code"`
}

type openAIReply struct {
	ID      string         `json:"id"`
	Object  string         `json:"object"`
	Created int64          `json:"created"`
	Model   string         `json:"model"`
	Choices []openAIChoice `json:"choices"`
	Usage   *openAIUsage   `json:"usage,omitempty"`
}

type openAIChoice struct {
	Index        int          `json:"index"`
	Message      openAIAnswer `json:"message"`
	Logprobs     *struct{}    `json:"logprobs"`
	FinishReason string       `json:"finish_reason"`
}

type openAIAnswer struct {
	Role      sdk.Role         `json:"role"`
	Content   *string          `json:"content"`
	Refusal   *string          `json:"refusal"`
	ToolCalls []openAIToolCall `json:"tool_calls,omitempty"`
}

type openAIUsage struct {
	PromptTokens     int64 `json:"prompt_tokens"`
	CompletionTokens int64 `json:"completion_tokens"`
	TotalTokens      int64 `json:"total_tokens"`
	PromptDetails    struct {
		CachedTokens int64 `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
	CompletionDetails struct {
		ReasoningTokens int64 `json:"reasoning_tokens"`
	} `json:"completion_tokens_details"`
}

// OpenAIExtras is the object cortex_host of a row: what a [sdk.Result] knows
// and the format does not.
type OpenAIExtras struct {
	Index          int64             `json:"index"`
	Kind           sdk.Kind          `json:"kind,omitempty"` // of the error
	Provider       string            `json:"provider,omitempty"`
	Model          string            `json:"model,omitempty"` // the one asked for
	Attempts       int               `json:"attempts"`
	ExecutionTime  float64           `json:"execution_time"`
	Cost           *sdk.Money        `json:"cost,omitempty"`
	Degraded       bool              `json:"degraded,omitempty"`
	PossiblyBilled bool              `json:"possibly_billed,omitempty"`
	Metadata       map[string]string `json:"metadata,omitempty"`
	Generator      string            `json:"generator_sha256,omitempty"`
}

// Append appends the row.
func (o OpenAI) Append(dst []byte, r *sdk.Result) ([]byte, error) {
	sum := sha256.Sum256([]byte(r.QueryID))
	name := fmt.Sprintf("%x", sum[:12]) // the same when a run is repeated
	row := openAIRow{ID: "batch_req_" + name, CustomID: r.QueryID, Extras: extras(r)}
	switch {
	case r.Response != nil:
		row.Response = &openAIResponse{http.StatusOK, r.Response.RequestID, openAIBody{openAIReply: o.reply(r.Response, name)}}
	case r.Error != nil && r.Error.Status >= http.StatusBadRequest:
		failure := &openAIAPIError{Message: r.Error.Message, Type: string(r.Error.Kind)}
		if r.Error.Code != "" {
			failure.Code = &r.Error.Code
		}
		row.Response = &openAIResponse{r.Error.Status, r.Error.RequestID, openAIBody{Error: failure}}
	case r.Error != nil:
		row.Error = &openAIRowError{string(sdk.KindOf(r.Error)), r.Error.Message}
	default:
		row.Error = &openAIRowError{string(sdk.Internal), "no reply and no error"}
	}
	b := bytes.NewBuffer(dst)
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(row); err != nil {
		return dst, fmt.Errorf("result %q: %w", Shorten(r.QueryID, 64), err)
	}
	return b.Bytes(), nil
}

func extras(r *sdk.Result) OpenAIExtras {
	e := OpenAIExtras{Index: r.Index, Attempts: r.Attempts, ExecutionTime: inSeconds(r.ExecutionTime),
		Degraded: r.Degraded, PossiblyBilled: r.PossiblyBilled, Metadata: r.Metadata, Generator: r.Generator}
	if r.Error != nil {
		e.Kind, e.Provider = sdk.KindOf(r.Error), r.Error.Provider
	}
	if a := r.Response; a != nil {
		e.Provider, e.Model, e.Cost = a.Provider, a.Model, a.Cost
	}
	return e
}

func (o OpenAI) reply(a *sdk.Response, name string) *openAIReply {
	now := time.Now
	if o.Now != nil {
		now = o.Now
	}
	c := openAIChoice{Message: openAIAnswer{Role: sdk.Assistant}}
	for _, call := range a.ToolCalls {
		c.Message.ToolCalls = append(c.Message.ToolCalls, openAIToolCall{call.ID, "function", openAIToolFunction{call.Name, call.Arguments}})
	}
	switch {
	case a.FinishReason == sdk.Refusal:
		c.Message.Refusal = &a.Content
	case a.Content != "" || len(a.ToolCalls) == 0:
		c.Message.Content = &a.Content
	}
	switch a.FinishReason {
	case sdk.Length, sdk.Filtered: // the API's own words
		c.FinishReason = string(a.FinishReason)
	case sdk.ToolUse:
		c.FinishReason = "tool_calls"
	default:
		c.FinishReason = string(sdk.Stop)
	}
	reply := &openAIReply{ID: "chatcmpl-" + name, Object: "chat.completion", Created: now().Unix(),
		Model: cmpOr(a.ModelServed, a.Model), Choices: []openAIChoice{c}}
	if u := a.Usage; u != nil {
		reply.Usage = &openAIUsage{PromptTokens: u.PromptTokens, CompletionTokens: u.CompletionTokens, TotalTokens: u.TotalTokens()}
		reply.Usage.PromptDetails.CachedTokens = u.CachedTokens
		reply.Usage.CompletionDetails.ReasoningTokens = u.ReasoningTokens
	}
	return reply
}
