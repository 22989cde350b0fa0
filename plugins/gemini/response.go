package main

import (
	"strings"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/httpapi"
)

type generateReply struct {
	Candidates     []candidate     `json:"candidates"`
	PromptFeedback *promptFeedback `json:"promptFeedback"`
	Usage          *usage          `json:"usageMetadata"`
	ModelVersion   string          `json:"modelVersion"`
	ResponseID     string          `json:"responseId"`
}

type candidate struct {
	Content       turn   `json:"content"`
	FinishReason  string `json:"finishReason"`
	FinishMessage string `json:"finishMessage"`
}

type promptFeedback struct {
	BlockReason string `json:"blockReason"`
}

// usage: thoughts are paid for like the answer and not in candidatesTokenCount.
type usage struct {
	PromptTokenCount        httpapi.Tokens `json:"promptTokenCount"`
	ToolUsePromptTokenCount httpapi.Tokens `json:"toolUsePromptTokenCount"`
	CandidatesTokenCount    httpapi.Tokens `json:"candidatesTokenCount"`
	ThoughtsTokenCount      httpapi.Tokens `json:"thoughtsTokenCount"`
	CachedContentTokenCount httpapi.Tokens `json:"cachedContentTokenCount"`
}

// readReply turns a reply with a successful status into a response, or into
// the error that it holds nevertheless.
func readReply(reply *httpapi.Reply) (*sdk.Response, error) {
	var g generateReply
	if err := reply.Decode(&g); err != nil {
		return nil, err
	}
	used := g.Usage.sdk()
	fail := func(e *sdk.Error) (*sdk.Response, error) {
		e.Usage = used
		if g.ResponseID != "" {
			e.RequestID = g.ResponseID
		}
		return nil, e
	}
	if len(g.Candidates) == 0 {
		if f := g.PromptFeedback; f != nil && f.BlockReason != "" {
			return fail(reply.Errorf(sdk.ContentFiltered, "the prompt was blocked: %s", f.BlockReason))
		}
		return fail(reply.BodyError())
	}
	first := &g.Candidates[0]
	r := &sdk.Response{
		ModelServed:  g.ModelVersion,
		Usage:        used,
		Latency:      reply.Latency,
		FinishReason: finishReason(first.FinishReason),
		RequestID:    g.ResponseID,
		RateLimit:    reply.RateLimit(),
	}
	r.Content, r.ToolCalls = read(first.Content.Parts)
	if len(r.ToolCalls) > 0 && r.FinishReason == sdk.Stop {
		r.FinishReason = sdk.ToolUse
	}
	switch first.FinishReason {
	case "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE", "MALFORMED_RESPONSE":
		return fail(reply.Errorf(sdk.BadResponse, "the model's reply is not usable: %s %s", first.FinishReason, first.FinishMessage))
	}
	if r.Content == "" && len(r.ToolCalls) == 0 && (r.FinishReason == sdk.Stop || r.FinishReason == sdk.FinishUnknown) {
		return fail(reply.Errorf(sdk.BadResponse, "the reply is empty"))
	}
	return r, nil
}

// read returns the texts and the calls; thoughts are not part of the answer.
func read(parts []part) (string, []sdk.ToolCall) {
	var text strings.Builder
	var calls []sdk.ToolCall
	for _, p := range parts {
		switch {
		case p.Thought:
		case p.Text != nil:
			text.WriteString(*p.Text)
		case p.FunctionCall != nil:
			args := string(p.FunctionCall.Args)
			if args == "" {
				args = "{}"
			}
			calls = append(calls, sdk.ToolCall{ID: joinID(len(calls), p.FunctionCall.ID, p.ThoughtSignature), Name: p.FunctionCall.Name, Arguments: args})
		}
	}
	return text.String(), calls
}

func finishReason(s string) sdk.FinishReason {
	switch s {
	case "", "FINISH_REASON_UNSPECIFIED", "OTHER":
		return sdk.FinishUnknown
	case "MAX_TOKENS":
		return sdk.Length
	case "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII",
		"IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION":
		return sdk.Filtered
	}
	return sdk.Stop
}

func (u *usage) sdk() *sdk.Usage {
	if u == nil {
		return nil
	}
	return &sdk.Usage{
		PromptTokens:     int64(u.PromptTokenCount + u.ToolUsePromptTokenCount),
		CompletionTokens: int64(u.CandidatesTokenCount + u.ThoughtsTokenCount),
		CachedTokens:     int64(u.CachedContentTokenCount),
		ReasoningTokens:  int64(u.ThoughtsTokenCount),
	}
}
