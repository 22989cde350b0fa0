package upstream

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// A Dialect is one vendor's API as far as this server needs it.
type Dialect struct {
	// Name is for messages.
	Name string
	// Key returns the key that a request carries.
	Key func(h http.Header) string
	// Parse finds the model and the text of the last message in a request.
	Parse func(path string, body []byte) (model, text string, err error)
	// Answer makes the body of a success.
	Answer func(model, text string) []byte
	// Models makes the body of a list of models, which is what a GET asks for.
	// Nil: this vendor refuses it.
	Models func() []byte
	// Problem makes the body of an error.
	Problem func(status int, message string) []byte
	// Limits tells of a limit in the headers. Nil: this vendor does not.
	Limits func(h http.Header, limit, remaining int64, reset time.Duration)
}

// OpenAI is the chat completions API, spoken by most servers.
func OpenAI() Dialect {
	return Dialect{
		Name:   "openai",
		Key:    bearer,
		Parse:  parseOpenAI,
		Answer: answerOpenAI,
		Models: func() []byte {
			return []byte(`{"object":"list","data":[{"id":"mock-1","object":"model"},{"id":"mock-2","object":"model"}]}`)
		},
		Problem: problemOpenAI,
		Limits: func(h http.Header, limit, remaining int64, reset time.Duration) {
			h.Set("X-Ratelimit-Limit-Requests", strconv.FormatInt(limit, 10))
			h.Set("X-Ratelimit-Remaining-Requests", strconv.FormatInt(remaining, 10))
			h.Set("X-Ratelimit-Reset-Requests", reset.Round(time.Millisecond).String())
		},
	}
}

func bearer(h http.Header) string {
	const scheme = "Bearer "
	if v := h.Get("Authorization"); len(v) > len(scheme) {
		return v[len(scheme):]
	}
	return ""
}

func parseOpenAI(_ string, body []byte) (model, text string, err error) {
	var r struct {
		Model    string `json:"model"`
		Messages []struct {
			Content json.RawMessage `json:"content"`
		} `json:"messages"`
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return "", "", err
	}
	if n := len(r.Messages); n > 0 {
		text = lastText(r.Messages[n-1].Content)
	}
	return r.Model, text, nil
}

// lastText returns a content's text: a string, or the last text of a list of
// parts.
func lastText(content json.RawMessage) string {
	var s string
	if json.Unmarshal(content, &s) == nil {
		return s
	}
	var parts []struct {
		Text string `json:"text"`
	}
	if json.Unmarshal(content, &parts) == nil {
		for _, p := range parts {
			if p.Text != "" {
				s = p.Text
			}
		}
	}
	return s
}

type openAIUsage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
	TotalTokens      int `json:"total_tokens"`
}

type openAIMessage struct {
	Role    string  `json:"role"`
	Content string  `json:"content"`
	Refusal *string `json:"refusal"`
}

type openAIChoice struct {
	Index        int           `json:"index"`
	Message      openAIMessage `json:"message"`
	FinishReason string        `json:"finish_reason"`
}

type openAICompletion struct {
	ID      string         `json:"id"`
	Object  string         `json:"object"`
	Created int64          `json:"created"`
	Model   string         `json:"model"`
	Choices []openAIChoice `json:"choices"`
	Usage   openAIUsage    `json:"usage"`
}

func answerOpenAI(model, text string) []byte {
	in, out := 12, 1+len(text)/4
	return mustJSON(openAICompletion{
		ID: "chatcmpl-mock", Object: "chat.completion", Created: 1_700_000_000, Model: model,
		Choices: []openAIChoice{{Message: openAIMessage{Role: "assistant", Content: text}, FinishReason: "stop"}},
		Usage:   openAIUsage{PromptTokens: in, CompletionTokens: out, TotalTokens: in + out},
	})
}

type openAIProblem struct {
	Error struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    *string `json:"code"`
	} `json:"error"`
}

func problemOpenAI(status int, message string) []byte {
	var p openAIProblem
	p.Error.Message = message
	p.Error.Type = "invalid_request_error"
	code := ""
	switch {
	case status == http.StatusUnauthorized:
		code = "invalid_api_key"
	case status == http.StatusPaymentRequired:
		p.Error.Type, code = "insufficient_quota", "insufficient_quota"
	case status == http.StatusTooManyRequests:
		p.Error.Type, code = "requests", "rate_limit_exceeded"
	case status >= 500:
		p.Error.Type = "server_error"
	}
	if code != "" {
		p.Error.Code = &code
	}
	return mustJSON(p)
}

// mustJSON encodes plain structs, which can't fail.
func mustJSON(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}
