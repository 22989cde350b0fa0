package main

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"sync"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/httpapi"
)

// completion is a reply, in the dialects that compatible servers speak.
type completion struct {
	ID      string          `json:"id"`
	Model   string          `json:"model"`
	Choices []choice        `json:"choices"`
	Usage   *usage          `json:"usage"`
	Error   json.RawMessage `json:"error"`

	// What Choices and Usage are in an ordinary reply.
	first [1]choice
	used  usage
}

// completions are those that no call reads into at the moment.
var completions = sync.Pool{New: func() any { return new(completion) }}

type choice struct {
	FinishReason string  `json:"finish_reason"`
	Message      message `json:"message"`
}

type message struct {
	Content   text       `json:"content"`
	Refusal   string     `json:"refusal"`
	ToolCalls []toolCall `json:"tool_calls"`
}

type usage struct {
	PromptTokens     httpapi.Tokens `json:"prompt_tokens"`
	CompletionTokens httpapi.Tokens `json:"completion_tokens"`
	PromptDetails    struct {
		CachedTokens httpapi.Tokens `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
	CompletionDetails struct {
		ReasoningTokens httpapi.Tokens `json:"reasoning_tokens"`
	} `json:"completion_tokens_details"`
	// CachedTokens is Moonshot's, PromptCacheHitTokens DeepSeek's name for it.
	CachedTokens         httpapi.Tokens `json:"cached_tokens"`
	PromptCacheHitTokens httpapi.Tokens `json:"prompt_cache_hit_tokens"`
	// Cost is OpenRouter's, in dollars.
	Cost dollars `json:"cost"`
}

// readCompletion turns a reply with a successful status into a response, or
// into the error that it holds nevertheless.
func readCompletion(reply *httpapi.Reply) (*sdk.Response, error) {
	c := completions.Get().(*completion)
	defer func() {
		*c = completion{}
		completions.Put(c)
	}()
	if !c.scan(reply.Body()) {
		*c = completion{}
		if err := reply.Decode(c); err != nil {
			return nil, err
		}
	}
	return c.outcome(reply)
}

// outcome says what a reply means.
func (c *completion) outcome(reply *httpapi.Reply) (*sdk.Response, error) {
	used, cost := c.Usage.sdk()
	if len(c.Choices) == 0 || len(c.Error) > 0 && !bytes.Equal(c.Error, []byte("null")) {
		e := reply.BodyError()
		e.Usage = used
		return nil, e
	}
	first := &c.Choices[0]
	r := &sdk.Response{
		Content:      string(first.Message.Content),
		ModelServed:  c.Model,
		Usage:        used,
		Cost:         cost,
		Latency:      reply.Latency,
		FinishReason: finishReason(first),
		RequestID:    reply.RequestID(),
		RateLimit:    reply.RateLimit(),
	}
	if r.RequestID == "" {
		r.RequestID = c.ID
	}
	for _, call := range first.Message.ToolCalls {
		r.ToolCalls = append(r.ToolCalls, sdk.ToolCall{ID: call.ID, Name: call.Function.Name, Arguments: string(call.Function.Arguments)})
	}
	switch {
	case first.FinishReason == "insufficient_system_resource": // DeepSeek gave up
		e := reply.Errorf(sdk.Overloaded, "the server had no room to finish the reply")
		e.Usage = used
		return nil, e
	case r.FinishReason == sdk.Refusal && r.Content == "":
		r.Content = first.Message.Refusal
	case r.Content == "" && (r.FinishReason == sdk.Stop || r.FinishReason == sdk.FinishUnknown):
		e := reply.Errorf(sdk.BadResponse, "the reply is empty")
		e.Usage = used
		return nil, e
	}
	return r, nil
}

func finishReason(c *choice) sdk.FinishReason {
	if c.Message.Refusal != "" {
		return sdk.Refusal
	}
	switch c.FinishReason {
	case "tool_calls", "function_call":
		return sdk.ToolUse
	case "length", "model_length", "max_tokens":
		return sdk.Length
	case "content_filter":
		return sdk.Filtered
	}
	if len(c.Message.ToolCalls) > 0 {
		return sdk.ToolUse // some servers say stop
	}
	if c.FinishReason == "" {
		return sdk.FinishUnknown
	}
	return sdk.Stop
}

// sdk returns the usage and the cost, each nil if the vendor did not report it.
func (u *usage) sdk() (*sdk.Usage, *sdk.Money) {
	if u == nil {
		return nil, nil
	}
	used := &sdk.Usage{
		PromptTokens:     int64(u.PromptTokens),
		CompletionTokens: int64(u.CompletionTokens),
		CachedTokens:     int64(max(u.PromptDetails.CachedTokens, u.CachedTokens, u.PromptCacheHitTokens)),
		ReasoningTokens:  int64(u.CompletionDetails.ReasoningTokens),
	}
	if u.Cost <= 0 {
		return used, nil
	}
	cost := sdk.MoneyFromUSD(float64(u.Cost))
	return used, &cost
}

// text is a content: a string, null, or a list of parts of which the texts
// count (Mistral sends its thoughts as further parts).
type text string

// UnmarshalJSON reads either form.
func (t *text) UnmarshalJSON(data []byte) error {
	if len(data) == 0 || data[0] != '[' {
		return json.Unmarshal(data, (*string)(t))
	}
	var parts []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	if err := json.Unmarshal(data, &parts); err != nil {
		return err
	}
	var b strings.Builder
	for _, p := range parts {
		if p.Type == "text" || p.Type == "output_text" {
			b.WriteString(p.Text)
		}
	}
	*t = text(b.String())
	return nil
}

// dollars is an amount; what is none, or not finite, is 0.
type dollars float64

// UnmarshalJSON never fails.
func (d *dollars) UnmarshalJSON(data []byte) error {
	f, err := strconv.ParseFloat(string(data), 64)
	if err != nil || !(f > 0) || f > 1e6 {
		f = 0
	}
	*d = dollars(f)
	return nil
}
