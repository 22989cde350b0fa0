// Command mutate shows that the tests of the executor and its rooms mean
// something: it breaks one rule at a time, by one line, and expects the test
// that guards the rule to fail. Before that, all those tests have to pass as
// things are. Nothing in the work tree is changed.
//
//	go run ./core/executor/internal/mutate          # all
//	go run ./core/executor/internal/mutate budget   # rules that contain a word
package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	word := ""
	if len(os.Args) > 1 {
		word = os.Args[1]
	}
	if err := run(word); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(word string) error {
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	chosen := slices.DeleteFunc(slices.Clone(mutations), func(m mutation) bool { return !strings.Contains(m.rule, word) })
	for i := range chosen {
		if _, err := chosen[i].mutated(); err != nil {
			return fmt.Errorf("%s: %w", chosen[i].rule, err)
		}
	}
	if err := allPass(chosen); err != nil {
		return err
	}
	survived, tried := 0, len(chosen)
	for _, m := range chosen {
		began := time.Now()
		killed, err := m.try(dir)
		if err != nil {
			return fmt.Errorf("%s: %w", m.rule, err)
		}
		verdict := "fails"
		if !killed {
			verdict = "STILL PASSES"
			survived++
		}
		fmt.Printf("%-68s %-44s %s (%.1f s)\n", m.rule, m.test, verdict, time.Since(began).Seconds())
	}
	if survived > 0 {
		return fmt.Errorf("%d of %d mutations were not noticed", survived, tried)
	}
	fmt.Printf("all %d mutations were noticed\n", tried)
	return nil
}

// allPass runs the tests of all mutations on the code as it is.
func allPass(list []mutation) error {
	tests := map[string][]string{}
	for _, m := range list {
		tests[m.pkg()] = append(tests[m.pkg()], m.test)
	}
	for _, pkg := range slices.Sorted(maps.Keys(tests)) {
		out, err := exec.Command("go", "test", "-timeout=5m", "-run=^("+strings.Join(tests[pkg], "|")+")$", pkg).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s fails as it is:\n%s", pkg, out)
		}
	}
	return nil
}

// pkg is the package of the mutation's test.
func (m *mutation) pkg() string {
	if m.in != "" {
		return m.in
	}
	return "./" + filepath.Dir(m.file)
}

// mutated returns the file with the mutation.
func (m *mutation) mutated() (string, error) {
	source, err := os.ReadFile(m.file)
	if err != nil {
		return "", fmt.Errorf("run it from the module's root: %w", err)
	}
	if n := strings.Count(string(source), m.old); n != 1 {
		return "", fmt.Errorf("%q occurs %d times in %s", m.old, n, m.file)
	}
	return strings.Replace(string(source), m.old, m.new, 1), nil
}

// try runs the mutation's test with the mutated file in place of the real one.
func (m *mutation) try(dir string) (killed bool, err error) {
	path, err := filepath.Abs(m.file)
	if err != nil {
		return false, err
	}
	source, err := m.mutated()
	if err != nil {
		return false, err
	}
	mutated := filepath.Join(dir, "mutated.go")
	if err := os.WriteFile(mutated, []byte(source), 0o600); err != nil {
		return false, err
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {path: mutated}})
	if err != nil {
		return false, err
	}
	overlayFile := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlayFile, overlay, 0o600); err != nil {
		return false, err
	}
	pkg := m.pkg()
	// No vet: a mutation may look odd, but it has to compile.
	cmd := exec.Command("go", "test", "-vet=off", "-timeout=20s", "-overlay="+overlayFile, "-run=^"+m.test+"$", pkg)
	out, err := cmd.CombinedOutput()
	switch {
	case strings.Contains(string(out), "[build failed]"):
		return false, fmt.Errorf("the mutation does not compile:\n%s", out)
	case strings.Contains(string(out), "no tests to run"):
		return false, fmt.Errorf("there is no test %s in %s", m.test, pkg)
	}
	return err != nil, nil
}
