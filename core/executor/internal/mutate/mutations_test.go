package main

import (
	"os"
	"testing"
)

// Each mutation still changes the line that it was made for. Whether its test
// fails is what make mutate finds out.
func TestMutationsApply(t *testing.T) {
	t.Chdir("../../../..")
	if _, err := os.Stat("go.mod"); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for i := range mutations {
		m := &mutations[i]
		if _, err := m.mutated(); err != nil || seen[m.rule] || m.test == "" {
			t.Errorf("%s: %v", m.rule, err)
		}
		seen[m.rule] = true
	}
	if len(mutations) < 30 {
		t.Errorf("only %d rules", len(mutations))
	}
}
