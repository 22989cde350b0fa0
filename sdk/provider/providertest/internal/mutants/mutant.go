package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// A mutant is one changed line of a file.
type mutant struct {
	path string
	line int // from 1
	was  string
	is   string // empty: the line is gone
}

// String tells a mutant as people look for it.
func (m mutant) String() string {
	is := strings.TrimSpace(m.is)
	if is == "" {
		is = "(gone)"
	}
	return fmt.Sprintf("%s:%d  %s  ->  %s", m.path, m.line, strings.TrimSpace(m.was), is)
}

var (
	tag        = regexp.MustCompile("`json:\"[a-zA-Z]")
	rawName    = regexp.MustCompile("`[^`]*\"[a-z_]+\":")
	reserve    = regexp.MustCompile(`^\t+w\.reserve\(`)
	literal    = regexp.MustCompile(`"[^"]+"`)
	fieldValue = regexp.MustCompile(`^\t+[A-Z][A-Za-z]*:\s+\S.*,$`)
	pairs      = regexp.MustCompile(`[A-Z][A-Za-z]*: ([^,{}()]|\(([^()]|\([^()]*\))*\))+[,}]`)
	assignment = regexp.MustCompile(`^\t+[A-Za-z]+(\.[A-Za-z]+)+(, [A-Za-z]+(\.[A-Za-z]+)+)? = `)
	returned   = regexp.MustCompile(`^(\t+return )sdk\.([A-Z][A-Za-z]+)$`)
	header     = regexp.MustCompile(`^\t+h(\.Set\(|\[)`)
)

// mutants returns all mutants of the target's files.
func (t *target) mutants() (all []mutant, err error) {
	for _, name := range t.files {
		path := filepath.Join(t.dir, name)
		source, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("run it from the module's root: %w", err)
		}
		for i, line := range strings.Split(string(source), "\n") {
			for _, is := range changes(line) {
				all = append(all, mutant{path, i + 1, line, is})
			}
		}
	}
	return all, nil
}

// changes returns what could be wrong with a line instead.
func changes(line string) (all []string) {
	trimmed := strings.TrimSpace(line)
	switch {
	case strings.HasPrefix(trimmed, "//"):
		return nil
	case tag.MatchString(line):
		return []string{tag.ReplaceAllStringFunc(line, func(s string) string { return s[:len(s)-1] + "mutant_" + s[len(s)-1:] })}
	case rawName.MatchString(line):
		return []string{rawName.ReplaceAllStringFunc(line, func(s string) string { return strings.TrimSuffix(s, `":`) + `_mutant":` })}
	case (strings.HasPrefix(trimmed, "case ") || strings.Contains(line, "p.has(") || strings.Contains(line, "p.says(")) && strings.Contains(line, `"`):
		for _, at := range literal.FindAllStringIndex(line, -1) {
			all = append(all, line[:at[1]-1]+"-mutant"+line[at[1]-1:])
		}
		return all
	case returned.MatchString(line):
		other := "Stop"
		if strings.HasSuffix(trimmed, "sdk.Stop") {
			other = "Length"
		}
		return []string{returned.ReplaceAllString(line, "${1}sdk."+other)}
	case fieldValue.MatchString(line) && len(pairs.FindAllStringIndex(line, 2)) > 1:
		return without(line)
	case fieldValue.MatchString(line), header.MatchString(line), reserve.MatchString(line):
		return []string{""}
	case assignment.MatchString(line) && !strings.HasSuffix(trimmed, "{"):
		return []string{""}
	case strings.Contains(line, "{") && !strings.HasPrefix(trimmed, "func ") && !strings.HasPrefix(trimmed, "if "):
		return without(line)
	}
	return nil
}

// without returns the line without one of its fields, for each of them.
func without(line string) (all []string) {
	for _, at := range pairs.FindAllStringIndex(line, -1) {
		rest := strings.TrimPrefix(line[at[1]-1:], ",")
		all = append(all, line[:at[0]]+strings.TrimPrefix(rest, " "))
	}
	return all
}

// A verdict is what became of a mutant.
type verdict struct {
	survived, invalid bool
	by                string // the check that noticed it
}

var failedCheck = regexp.MustCompile(`(?m)^ *--- FAIL: (\S+)`)

// try runs the target's test with the mutant's file in place of the real one.
func (t *target) try(m mutant, work string) (v verdict, err error) {
	path, err := filepath.Abs(m.path)
	if err != nil {
		return v, err
	}
	source, err := os.ReadFile(path)
	if err != nil {
		return v, err
	}
	lines := strings.Split(string(source), "\n")
	lines[m.line-1] = m.is
	mutated, overlay := filepath.Join(work, "mutant.go"), filepath.Join(work, "overlay.json")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {path: mutated}})
	if err != nil {
		return v, err
	}
	for name, data := range map[string]string{mutated: strings.Join(lines, "\n"), overlay: string(replace)} {
		if err := os.WriteFile(name, []byte(data), 0o600); err != nil {
			return v, err
		}
	}
	// What a user sets is not the kit's alone: the other tests come second.
	for _, tests := range []string{t.test, "."} {
		if v = t.runTests(overlay, tests); !v.survived {
			break
		}
	}
	return v, nil
}

// runTests runs some tests of the target with the overlay.
func (t *target) runTests(overlay, tests string) verdict {
	// No vet: a mutant may look odd, but it has to compile.
	out, err := exec.Command("go", "test", "-vet=off", "-failfast", "-timeout=120s", "-overlay="+overlay, "-run="+tests, "./"+t.dir).CombinedOutput()
	switch {
	case strings.Contains(string(out), "[build failed]"), strings.Contains(string(out), "[setup failed]"):
		return verdict{invalid: true}
	case err == nil:
		return verdict{survived: true}
	}
	if by := failedCheck.FindAllStringSubmatch(string(out), -1); len(by) > 0 {
		return verdict{by: by[len(by)-1][1]}
	}
	return verdict{by: "a panic"}
}
