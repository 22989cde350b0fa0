package main

import (
	"encoding/json"
	"strings"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/httpapi"
)

// messagesReply is a reply, or an error in a reply's clothes.
type messagesReply struct {
	Type       string       `json:"type"`
	ID         string       `json:"id"`
	Model      string       `json:"model"`
	Content    []replyBlock `json:"content"`
	StopReason string       `json:"stop_reason"`
	Usage      *usage       `json:"usage"`
}

type replyBlock struct {
	Type  string          `json:"type"`
	Text  string          `json:"text"`
	ID    string          `json:"id"`
	Name  string          `json:"name"`
	Input json.RawMessage `json:"input"`
}

// usage: what was read from the cache and written to it is not in
// input_tokens.
type usage struct {
	InputTokens              httpapi.Tokens `json:"input_tokens"`
	CacheCreationInputTokens httpapi.Tokens `json:"cache_creation_input_tokens"`
	CacheReadInputTokens     httpapi.Tokens `json:"cache_read_input_tokens"`
	OutputTokens             httpapi.Tokens `json:"output_tokens"`
}

// readReply turns a reply with a successful status into a response, or into
// the error that it holds nevertheless.
func readReply(reply *httpapi.Reply) (*sdk.Response, error) {
	var m messagesReply
	if err := reply.Decode(&m); err != nil {
		return nil, err
	}
	used := m.Usage.sdk()
	if m.Type == "error" || m.StopReason == "" && len(m.Content) == 0 {
		e := reply.BodyError()
		e.Usage = used
		return nil, e
	}
	r := &sdk.Response{
		ModelServed:  m.Model,
		Usage:        used,
		Latency:      reply.Latency,
		FinishReason: finishReason(m.StopReason),
		RequestID:    reply.RequestID(),
		RateLimit:    reply.RateLimit(),
	}
	if r.RequestID == "" {
		r.RequestID = m.ID
	}
	r.Content, r.ToolCalls = read(m.Content)
	if r.Content == "" && len(r.ToolCalls) == 0 && (r.FinishReason == sdk.Stop || r.FinishReason == sdk.FinishUnknown) {
		e := reply.Errorf(sdk.BadResponse, "the reply is empty")
		e.Usage = used
		return nil, e
	}
	return r, nil
}

// read returns the texts and the calls; thoughts are not part of the answer.
func read(blocks []replyBlock) (string, []sdk.ToolCall) {
	if len(blocks) == 1 && blocks[0].Type == "text" {
		return blocks[0].Text, nil
	}
	var text strings.Builder
	var calls []sdk.ToolCall
	for _, b := range blocks {
		switch b.Type {
		case "text":
			text.WriteString(b.Text)
		case "tool_use":
			calls = append(calls, sdk.ToolCall{ID: b.ID, Name: b.Name, Arguments: string(b.Input)})
		}
	}
	return text.String(), calls
}

func finishReason(s string) sdk.FinishReason {
	switch s {
	case "":
		return sdk.FinishUnknown
	case "tool_use":
		return sdk.ToolUse
	case "max_tokens", "model_context_window_exceeded", "pause_turn":
		return sdk.Length // a paused turn wants to be gone on with
	case "refusal":
		return sdk.Refusal
	}
	return sdk.Stop
}

func (u *usage) sdk() *sdk.Usage {
	if u == nil {
		return nil
	}
	return &sdk.Usage{
		PromptTokens:     int64(u.InputTokens + u.CacheCreationInputTokens + u.CacheReadInputTokens),
		CompletionTokens: int64(u.OutputTokens),
		CachedTokens:     int64(u.CacheReadInputTokens),
		CacheWriteTokens: int64(u.CacheCreationInputTokens),
	}
}
