package upstream

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Anthropic is the Messages API.
func Anthropic() Dialect {
	return Dialect{
		Name:   "anthropic",
		Key:    func(h http.Header) string { return h.Get("X-Api-Key") },
		Parse:  parseOpenAI, // model and messages have the same form
		Answer: answerAnthropic,
		Models: func() []byte {
			return []byte(`{"data":[{"type":"model","id":"mock-1","display_name":"Mock"}],"has_more":false}`)
		},
		Problem: problemAnthropic,
		Limits: func(h http.Header, limit, remaining int64, reset time.Duration) {
			h.Set("Anthropic-Ratelimit-Requests-Limit", strconv.FormatInt(limit, 10))
			h.Set("Anthropic-Ratelimit-Requests-Remaining", strconv.FormatInt(remaining, 10))
			h.Set("Anthropic-Ratelimit-Requests-Reset", time.Now().Add(reset).UTC().Format(time.RFC3339))
		},
	}
}

type anthropicAnswer struct {
	ID         string           `json:"id"`
	Type       string           `json:"type"`
	Role       string           `json:"role"`
	Model      string           `json:"model"`
	Content    []anthropicBlock `json:"content"`
	StopReason string           `json:"stop_reason"`
	Usage      anthropicUsage   `json:"usage"`
}

type anthropicBlock struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

type anthropicUsage struct {
	InputTokens  int `json:"input_tokens"`
	OutputTokens int `json:"output_tokens"`
}

func answerAnthropic(model, text string) []byte {
	return mustJSON(anthropicAnswer{
		ID: "msg_mock", Type: "message", Role: "assistant", Model: model, StopReason: "end_turn",
		Content: []anthropicBlock{{Type: "text", Text: text}},
		Usage:   anthropicUsage{InputTokens: 12, OutputTokens: 1 + len(text)/4},
	})
}

type anthropicProblem struct {
	Type  string         `json:"type"`
	Error anthropicError `json:"error"`
}

type anthropicError struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

func problemAnthropic(status int, message string) []byte {
	names := map[int]string{
		401: "authentication_error", 402: "billing_error", 403: "permission_error", 404: "not_found_error",
		413: "request_too_large", 429: "rate_limit_error", 529: "overloaded_error",
	}
	name := names[status]
	switch {
	case name != "":
	case status >= 500:
		name = "api_error"
	default:
		name = "invalid_request_error"
	}
	return mustJSON(anthropicProblem{Type: "error", Error: anthropicError{Type: name, Message: message}})
}

// Gemini is generateContent of the Gemini API. Its headers tell no limits.
func Gemini() Dialect {
	return Dialect{
		Name:   "gemini",
		Key:    func(h http.Header) string { return h.Get("X-Goog-Api-Key") },
		Parse:  parseGemini,
		Answer: answerGemini,
		Models: func() []byte {
			return []byte(`{"models":[{"name":"models/mock-1","supportedGenerationMethods":["generateContent"]}]}`)
		},
		Problem: problemGemini,
	}
}

type geminiTurn struct {
	Role  string       `json:"role,omitempty"`
	Parts []geminiPart `json:"parts"`
}

type geminiPart struct {
	Text string `json:"text"`
}

type geminiAnswer struct {
	Candidates   []geminiCandidate `json:"candidates"`
	Usage        geminiUsage       `json:"usageMetadata"`
	ModelVersion string            `json:"modelVersion"`
	ResponseID   string            `json:"responseId"`
}

type geminiCandidate struct {
	Content      geminiTurn `json:"content"`
	FinishReason string     `json:"finishReason"`
}

type geminiUsage struct {
	Prompt     int `json:"promptTokenCount"`
	Candidates int `json:"candidatesTokenCount"`
	Total      int `json:"totalTokenCount"`
}

func parseGemini(path string, body []byte) (model, text string, err error) {
	var r struct {
		Contents []geminiTurn `json:"contents"`
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return "", "", err
	}
	model, _, _ = strings.Cut(path[strings.LastIndexByte(path, '/')+1:], ":")
	if n := len(r.Contents); n > 0 {
		for _, p := range r.Contents[n-1].Parts {
			if p.Text != "" {
				text = p.Text
			}
		}
	}
	return model, text, nil
}

func answerGemini(model, text string) []byte {
	in, out := 12, 1+len(text)/4
	return mustJSON(geminiAnswer{
		Candidates:   []geminiCandidate{{Content: geminiTurn{Role: "model", Parts: []geminiPart{{Text: text}}}, FinishReason: "STOP"}},
		Usage:        geminiUsage{Prompt: in, Candidates: out, Total: in + out},
		ModelVersion: model, ResponseID: "mock",
	})
}

type geminiProblem struct {
	Error geminiError `json:"error"`
}

type geminiError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Status  string `json:"status"`
}

func problemGemini(status int, message string) []byte {
	names := map[int]string{
		401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 409: "ABORTED",
		429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
	}
	name := names[status]
	if name == "" {
		name = "INVALID_ARGUMENT"
	}
	return mustJSON(geminiProblem{geminiError{Code: status, Message: message, Status: name}})
}
