package main

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/cortexlinux/cortex-host/core/executor"
)

// What the table says is said on a narrow terminal too, and fits it.
func TestSummaryOnANarrowTerminal(t *testing.T) {
	s := onTerminal(t, t.TempDir(), 40, nil, "batch", queryFile(t, 2), "--provider", "simulator")
	s.ends(0)
	raw := regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]").ReplaceAllString(s.raw.String(), "")
	for line := range strings.Lines(raw) {
		if line = strings.TrimRight(line, "\r\n"); utf8.RuneCountInString(line) > 40 {
			t.Errorf("too wide: %q", line)
		}
	}
	if text := strings.Join(strings.Fields(raw), " "); !strings.Contains(text, "simulator: 2 answered, 0 failed, 2 calls, 70 tokens, cost $0, median ") {
		t.Errorf("the summary: %s", text)
	}
}

func TestSummaryList(t *testing.T) {
	totals := executor.Totals{SuccessCount: 1, FailureCount: 1, Attempts: 1}
	rows := []summaryRow{{"a", totals, "1s", "2s"}, {name: "all", totals: totals}}
	const want = "a: 1 answered, 1 failed, 1 call, 0\ntokens, cost $0, median 1s, 95 % 2s\nall: 1 answered, 1 failed, 1 call, 0\ntokens, cost $0"
	if got := listOf(rows, 36); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
