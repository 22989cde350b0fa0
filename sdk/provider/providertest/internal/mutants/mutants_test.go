package main

import (
	"os"
	"strings"
	"testing"
)

// One broken mapping of each package is noticed, by the name of a check. All of
// them are the work of make mutants.
func TestABrokenMappingIsNoticed(t *testing.T) {
	if testing.Short() {
		t.Skip("builds four test programs")
	}
	if err := os.Chdir("../../../../.."); err != nil {
		t.Fatal(err)
	}
	for dir, c := range map[string]struct{ line, by string }{
		"plugins/openai":       {`w.text(` + "`" + `,"max_completion_tokens":`, "request:_plain,_gpt-5.4-mini"},
		"plugins/anthropic":    {`CacheReadInputTokens     httpapi`, "one_call"},
		"plugins/gemini":       {`case "MAX_TOKENS":`, "finish:_length"},
		"sdk/provider/httpapi": {`p.has("slow_down", "rate_limit"`, ""},
	} {
		found := false
		for _, one := range targets {
			if one.dir != dir {
				continue
			}
			all, err := one.mutants()
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range all {
				if found || !strings.Contains(m.was, c.line) {
					continue
				}
				found = true
				v, err := one.try(m, t.TempDir())
				if err != nil || v.survived || v.invalid || !strings.Contains(v.by, c.by) {
					t.Errorf("%s: %+v, %v", m, v, err)
				}
			}
		}
		if !found && dir != "sdk/provider/httpapi" {
			t.Errorf("%s: no line holds %s", dir, c.line)
		}
	}
}

func TestChanges(t *testing.T) {
	for line, want := range map[string]string{
		"\tModel string `json:\"model\"`":             "\tModel string `json:\"mutant_model\"`",
		"\tcase \"a\", \"b\":":                        "\tcase \"a-mutant\", \"b\":|\tcase \"a\", \"b-mutant\":",
		"\t\treturn sdk.Length":                       "\t\treturn sdk.Stop",
		"\t\tUsage: used,":                            "",
		"\t\tKind: of(a, &p), Wait: wait(h, now()),":  "\t\tWait: wait(h, now()),|\t\tKind: of(a, &p), ",
		"\t\tstatus < 429 && p.says(\"a\"):":          "\t\tstatus < 429 && p.says(\"a-mutant\"):",
		"\tr.Model = model":                           "",
		"\th.Set(\"X-Api-Key\", s.APIKey)":            "",
		"\tx := T{A: a, B: b}":                        "\tx := T{B: b}|\tx := T{A: a, }",
		"\t// case \"a\":":                            "none",
		"\tif err != nil {":                           "none",
		"func (p *Provider) Complete(q *Query) int {": "none",
	} {
		got := "none"
		if all := changes(line); len(all) > 0 {
			got = strings.Join(all, "|")
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}
