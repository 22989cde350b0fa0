package main

import (
	"strings"

	"github.com/cortexlinux/cortex-host/sdk"
)

const bytesPerToken = 4

// prose is what answers are cut from.
var prose = strings.Repeat("This text was made by a load test and means nothing; no model was asked. ", 64)

// answer writes an answer of that many tokens.
func answer(id string, tokens int64) string {
	head := "Simulated answer to " + id + ". "
	missing := int(tokens)*bytesPerToken - len(head)
	if missing <= 0 {
		return head[:len(head)-1]
	}
	var b strings.Builder
	b.Grow(len(head) + missing)
	b.WriteString(head)
	for missing > 0 {
		n := min(missing, len(prose))
		b.WriteString(prose[:n])
		missing -= n
	}
	return b.String()
}

// promptTokens estimates a prompt's tokens by its bytes.
func promptTokens(q *sdk.Query) int64 {
	n := 0
	for i := range q.Messages {
		m := &q.Messages[i]
		if len(m.Parts) == 0 {
			n += len(m.Text)
		}
		for _, part := range m.Parts {
			n += len(part.Text)
		}
	}
	return int64((n + bytesPerToken - 1) / bytesPerToken)
}
