package price

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/cortexlinux/cortex-host/sdk"
)

// What a prompt can hold beside the bytes of its text.
const (
	// messageTokens bounds the tokens that frame one message.
	messageTokens = 16
	// imageTokens bounds the tokens of one image, which are not those of its
	// URL: the most that any vendor counts for one is below it.
	imageTokens = 50_000
	// toolTokens bounds what vendors write into the prompt themselves where
	// tools or a format are asked for, beside the tools and the format.
	toolTokens = 1024
)

// instructed are the options that make vendors write into the prompt.
var instructed = []string{"tools", "functions", "response_format"}

// outputOptions are the names under which vendors take the longest reply.
var outputOptions = []string{"max_tokens", "max_completion_tokens", "max_output_tokens"}

// repeatOptions are the names under which vendors take the number of replies.
var repeatOptions = []string{"n", "best_of", "candidate_count"}

// surcharges are options that change what a call costs in ways that no price
// list tells.
var surcharges = []string{"service_tier", "web_search_options", "web_search"}

// BoundOf returns the most that one attempt at a query can use: a token for
// each byte of input and the longest reply. An average is no bound, and an
// estimate is none either. maxOutput is the longest reply of the model, 0 if
// that is not known; then the query has to set max_tokens.
func BoundOf(q *sdk.Query, p Price, maxOutput int64) (Hold, *sdk.Error) {
	prompt := int64(q.PromptBytes())
	prompt += messageTokens * int64(len(q.Messages))
	for i := range q.Messages {
		for _, part := range q.Messages[i].Parts {
			if part.Image != nil {
				prompt += imageTokens
			}
		}
	}
	tools := len(q.Tools) > 0 || q.ResponseFormat != nil
	for name, raw := range q.Options {
		prompt += int64(len(name) + len(raw))
		tools = tools || slices.Contains(instructed, name)
		if slices.Contains(surcharges, name) && string(raw) != `"auto"` && string(raw) != `"default"` && string(raw) != "null" {
			return Hold{}, sdk.Errorf(sdk.InvalidRequest, "what options.%s costs is not known, so a budget cannot hold it: leave it out", name)
		}
	}
	if tools {
		prompt += toolTokens
	}
	output, err := longestReply(q, maxOutput)
	if err != nil {
		return Hold{}, err
	}
	return Hold{Cost: p.Bound(prompt, output), Tokens: prompt + output}, nil
}

// errUnbounded is made once: without a budget it is the answer to most queries,
// and nobody looks at it.
var errUnbounded = &sdk.Error{Kind: sdk.InvalidRequest, Message: "under a budget every reply needs a bound: set max_tokens"}

func longestReply(q *sdk.Query, maxOutput int64) (int64, *sdk.Error) {
	var asked int64
	if q.MaxTokens != nil {
		asked = int64(*q.MaxTokens)
	}
	for _, name := range outputOptions {
		n, err := count(q, name)
		if err != nil {
			return 0, err
		}
		asked = max(asked, n)
	}
	if asked == 0 {
		asked = maxOutput
	}
	if asked == 0 {
		return 0, errUnbounded
	}
	replies := int64(1)
	for _, name := range repeatOptions {
		n, err := count(q, name)
		if err != nil {
			return 0, err
		}
		replies = max(replies, n)
	}
	return asked * replies, nil
}

// count reads a whole number from the query's options, 0 without one.
func count(q *sdk.Query, name string) (int64, *sdk.Error) {
	raw, ok := q.Options[name]
	if !ok || string(raw) == "null" {
		return 0, nil
	}
	var n int32
	if err := json.Unmarshal(raw, &n); err != nil || n < 0 {
		return 0, sdk.Errorf(sdk.InvalidRequest, "under a budget options.%s must be a whole number, not %.40s", name, raw)
	}
	return int64(n), nil
}

// String says what is spent and held, and of how much.
func (b *Budget) String() string {
	spent, held := b.Spent()
	s := ""
	if b.limits.MaxCost != nil {
		s = fmt.Sprintf("%v of %v spent, %v reserved", spent.Cost, *b.limits.MaxCost, held.Cost)
	}
	if b.limits.MaxTokens > 0 {
		if s != "" {
			s += "; "
		}
		s += fmt.Sprintf("%d of %d tokens used, %d reserved", spent.Tokens, b.limits.MaxTokens, held.Tokens)
	}
	return s
}
