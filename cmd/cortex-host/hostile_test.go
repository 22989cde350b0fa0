package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
	"github.com/cortexlinux/cortex-host/testdata/hostile"
)

// TestHostilePayloadsEndToEnd has a model answer with hostile text, a vendor
// refuse with it, and a file ask with it, and looks at every byte that reaches a
// terminal, a table, a log and a page: answers, headings, progress, failures,
// errors, the summary, runs and reports.
func TestHostilePayloadsEndToEnd(t *testing.T) {
	t.Parallel()
	payloads := hostile.Payloads()
	vendor := startVendor(t, upstream.Config{
		Answer: func(r upstream.Request) string { return payloads[r.Number%len(payloads)] },
		Script: func(r upstream.Request) upstream.Reply {
			if r.Number%3 != 0 {
				return upstream.Reply{Status: 200}
			}
			message, err := json.Marshal(strings.ToValidUTF8(payloads[r.Number%len(payloads)], "?"))
			if err != nil {
				panic(err)
			}
			return upstream.Reply{Status: 400, Body: fmt.Appendf(nil, `{"error":{"message":%s,"type":%s,"code":%s}}`, message, message, message)}
		},
	})
	dir := t.TempDir()
	var queries strings.Builder
	for i, p := range payloads {
		p = strings.ToValidUTF8(p, "?")
		row, err := json.Marshal(map[string]any{"id": fmt.Sprint(i, p), "messages": []map[string]string{{"role": "user", "content": p}},
			"metadata": map[string]string{p: p}})
		if err != nil {
			t.Fatal(err)
		}
		queries.Write(append(row, '\n'))
	}
	if err := os.WriteFile(filepath.Join(dir, "queries.ndjson"), []byte(queries.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"batch", "queries.ndjson", "--provider", "openai", "--base-url", vendor.URL() + "/v1", "-j", "8", "--requests-per-second", "off", "--yes"}
	seen := func(where string, code int, more ...string) {
		t.Helper()
		s := onTerminal(t, dir, 70, []string{"OPENAI_API_KEY=sk-1"}, more...)
		s.ends(code)
		raw := s.raw.String()
		if len(raw) < 60 {
			t.Fatalf("%s: only %q was shown", where, raw)
		}
		isHarmless(t, where, regexp.MustCompile("\x1b\\[[0-9;]*[AJm]").ReplaceAllString(strings.ReplaceAll(raw, "\r", ""), ""))
	}
	seen("answers", 3, args...)
	seen("rows on a terminal", 3, append(args, "--format", "ndjson")...)
	seen("text on a terminal", 3, append(args, "--format", "text", "--progress", "plain")...)
	seen("table on a terminal", 3, append(args, "--format", "csv")...)
	seen("a run with a file", 3, append(args, "-o", "out.ndjson", "--report", "page.html", "--log", "run.log", "--log-content", "-v")...)
	seen("the log on a terminal", 3, append(args, "--log", "-", "--log-format", "json", "--log-content")...)
	seen("runs", 0, "runs", "show", "out.ndjson")
	seen("its calls", 0, "runs", "trace", "out.ndjson")
	seen("generated queries", 0, "generate", "error", "disk failure \u202e\u2066 in \u009b31m /dev/sda", "--param", "template={message}\u202e")
	seen("queries", 2, "generate", "package", "--input", "queries.ndjson", "\x1b[2J\u202e")
	seen("a wrong flag", 2, "run", "--\x1b]52;c;aGk=\x07\u202e")
	seen("a wrong command", 2, "\x1b]8;;http://evil.test\x1b\\\u009b31m")
	seen("a wrong name", 2, "run", "\x1b[2J\u202epackage")
	host(t, dir, 0, "report", "out.ndjson", "-o", "later.html")
	for _, name := range []string{"page.html", "later.html", "run.log"} {
		isHarmless(t, name, readFile(t, filepath.Join(dir, name)))
	}
}

// isHarmless checks that nothing of a text does more than be read.
func isHarmless(t *testing.T, where, text string) {
	t.Helper()
	if harm := hostile.Harm(text); harm != "" {
		t.Errorf("%s: %s", where, harm)
	}
}
