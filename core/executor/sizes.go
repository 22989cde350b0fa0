package executor

import (
	"github.com/cortexlinux/cortex-host/core/limiter"
	"github.com/cortexlinux/cortex-host/sdk"
)

// sizes learns how many tokens the queries of a lane use: bytes per prompt
// token, and tokens per reply. The estimates steer the pace of tokens, never
// money: an average is no bound.
type sizes struct {
	bytesPerToken float64 // 0: nothing learned
	output        float64
}

const (
	// firstBytesPerToken is what English prose has with common vocabularies.
	firstBytesPerToken = 4.0
	firstOutput        = 500.0
	// memory is the weight of the past in the moving averages.
	memory = 0.95
)

func (s *sizes) learn(promptBytes int, u *sdk.Usage) {
	if u == nil || u.PromptTokens <= 0 {
		return
	}
	ratio := float64(promptBytes) / float64(u.PromptTokens)
	if s.bytesPerToken == 0 {
		s.bytesPerToken, s.output = ratio, float64(u.CompletionTokens)
		return
	}
	s.bytesPerToken = memory*s.bytesPerToken + (1-memory)*ratio
	s.output = memory*s.output + (1-memory)*float64(u.CompletionTokens)
}

// estimate returns what a query with a prompt of so many bytes and a bound on
// its reply (0: none) is expected to use.
func (s *sizes) estimate(promptBytes int, maxOutput int64) limiter.Need {
	per, output := firstBytesPerToken, firstOutput
	if s.bytesPerToken > 0 {
		per, output = s.bytesPerToken, s.output
	}
	need := limiter.Need{Input: int64(float64(promptBytes)/per) + 1, Output: int64(output) + 1}
	if maxOutput > 0 {
		need.Output = maxOutput
	}
	return need
}

// need returns what the limiter should reserve for a task.
func (l *lane) need(t *task) limiter.Need {
	var bound int64
	if t.query.MaxTokens != nil {
		bound = int64(*t.query.MaxTokens)
	}
	return l.sizes.estimate(t.query.PromptBytes(), bound)
}
