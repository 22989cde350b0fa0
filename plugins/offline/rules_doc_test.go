package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write RULES.md anew")

// RULES.md is what the base says, for people.
func TestRulesDocument(t *testing.T) {
	want := rulesDocument()
	if *update {
		if err := os.WriteFile("RULES.md", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("RULES.md")
	if err != nil || string(got) != want {
		t.Errorf("RULES.md is not what the rules say; go test ./plugins/offline -run RulesDocument -update writes it anew (%v)", err)
	}
}

func rulesDocument() string {
	var b strings.Builder
	fmt.Fprintf(&b, `# The rules of the offline provider

An error message is compared, line by line, with %d rules. This page is made from them (rules_*.go) by a test.

A confidence is a property of the message, found by reading it; nobody counted cases:

`, len(rules))
	for _, c := range []confidence{high, medium, low} {
		fmt.Fprintf(&b, "- **%s**: %s\n", c, c.meaning())
	}
	fmt.Fprint(&b, `
Where a rule matches a line, less sure rules say nothing about that line. Checks only read. What stands in capitals is to be
replaced; the provider does that itself where the message names it and it is harmless in a shell. The ids are stable.

| id | confidence | what it is | documented in |
|---|---|---|---|
`)
	for _, r := range rules {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", r.id, r.confidence, cell(r.title), cell(r.source))
	}
	for _, r := range rules {
		h := hit{rule: &r}
		fmt.Fprintf(&b, "\n## %s\n\n%s%s. %s\n\nLooks for: ", r.id, strings.ToUpper(r.title[:1]), r.title[1:], h.fill(r.means))
		for i, words := range r.any {
			if i > 0 {
				fmt.Fprint(&b, ", ")
			}
			fmt.Fprintf(&b, "`%s`", strings.ReplaceAll(words, "`", "'"))
		}
		fmt.Fprint(&b, "\n\n```sh\n")
		for _, c := range r.checks {
			fmt.Fprintf(&b, "%s\n", h.fill(c))
		}
		fmt.Fprint(&b, "```\n\n")
		for _, c := range r.consider {
			fmt.Fprintf(&b, "- %s\n", h.fill(c))
		}
	}
	return b.String()
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
