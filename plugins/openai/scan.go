package main

import (
	"slices"
	"strings"

	"github.com/cortexlinux/cortex-host/sdk"
	"github.com/cortexlinux/cortex-host/sdk/provider/httpapi"
)

// The keys that each object may have only once.
var (
	completionKeys        = []string{"id", "model", "choices", "usage", "error"}
	choiceKeys            = []string{"finish_reason", "message"}
	messageKeys           = []string{"content", "refusal", "tool_calls"}
	usageKeys             = []string{"prompt_tokens", "completion_tokens", "prompt_tokens_details", "completion_tokens_details", "cached_tokens", "prompt_cache_hit_tokens", "cost"}
	promptDetailsKeys     = []string{"cached_tokens"}
	completionDetailsKeys = []string{"reasoning_tokens"}
)

// scan reads an ordinary reply in one pass. It returns false for any other,
// which encoding/json then reads: parts, tool calls, a key twice, a key in
// another case.
func (c *completion) scan(body []byte) bool {
	s := sdk.NewScanner(body)
	fields(s, func(key string) bool {
		switch key {
		case "id":
			c.ID = s.String()
		case "model":
			c.Model = s.String()
		case "choices":
			s.Array(func(n int) {
				if n > 0 {
					s.Skip() // one is asked for, one is answered
					return
				}
				c.Choices = c.first[:]
				c.Choices[0].scan(s)
			})
		case "usage":
			if !s.Null() {
				c.Usage = &c.used
				c.Usage.scan(s)
			}
		case "error":
			return s.Null()
		default:
			return false
		}
		return true
	}, completionKeys)
	return s.Done()
}

func (c *choice) scan(s *sdk.Scanner) {
	fields(s, func(key string) bool {
		switch key {
		case "finish_reason":
			c.FinishReason = word(s.Text())
		case "message":
			c.Message.scan(s)
		default:
			return false
		}
		return true
	}, choiceKeys)
}

// word returns a text that is nearly always one of these, without memory of its
// own.
func word(text []byte) string {
	switch string(text) {
	case "stop":
		return "stop"
	case "length":
		return "length"
	}
	return string(text)
}

func (m *message) scan(s *sdk.Scanner) {
	fields(s, func(key string) bool {
		switch key {
		case "content":
			m.Content = text(s.String())
		case "refusal":
			m.Refusal = s.String()
		case "tool_calls":
			if s.Null() {
				return true
			}
			s.Array(func(int) { s.Surprise() })
			m.ToolCalls = []toolCall{}
		default:
			return false
		}
		return true
	}, messageKeys)
}

func (u *usage) scan(s *sdk.Scanner) {
	fields(s, func(key string) bool {
		switch key {
		case "prompt_tokens":
			u.PromptTokens = httpapi.ScanTokens(s)
		case "completion_tokens":
			u.CompletionTokens = httpapi.ScanTokens(s)
		case "prompt_tokens_details":
			fields(s, func(key string) bool {
				if key != "cached_tokens" {
					return false
				}
				u.PromptDetails.CachedTokens = httpapi.ScanTokens(s)
				return true
			}, promptDetailsKeys)
		case "completion_tokens_details":
			fields(s, func(key string) bool {
				if key != "reasoning_tokens" {
					return false
				}
				u.CompletionDetails.ReasoningTokens = httpapi.ScanTokens(s)
				return true
			}, completionDetailsKeys)
		default:
			return false
		}
		return true
	}, usageKeys)
}

// fields reads an object whose known keys read knows; read returns false for
// those that it leaves to the slow way. A key of another vendor is skipped; a
// known one that comes twice, in another case or is left to the slow way
// surprises the scanner.
func fields(s *sdk.Scanner, read func(key string) bool, known []string) {
	var seen uint
	s.Object(func(key []byte) {
		for i, name := range known {
			if string(key) != name {
				continue
			}
			if seen&(1<<i) != 0 || !read(name) {
				s.Surprise()
			}
			seen |= 1 << i
			return
		}
		if inOtherCase(key, known) {
			s.Surprise()
			return
		}
		s.Skip()
	})
}

// inOtherCase knows the letters outside ASCII that encoding/json folds to some
// of ours.
func inOtherCase(key []byte, known []string) bool {
	text := string(key)
	return slices.ContainsFunc(known, func(name string) bool { return strings.EqualFold(text, name) })
}
