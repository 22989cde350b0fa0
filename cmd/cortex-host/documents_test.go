package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

// documentsElsewhere are documents whose blocks are run by another test, or are
// not about this program.
var documentsElsewhere = map[string]string{
	"README.md":                "TestREADME",
	"plugins/offline/RULES.md": "advice about machines in trouble; TestRules of plugins/offline looks at each command",
	"sdk/generator/SPEC.md":    "wasmtime is another program; the vectors that it names are run by core/wasm",
}

// A block is a fenced piece of a document.
type block struct{ language, text string }

var fenced = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")

// documents returns all documents of the source with their blocks.
func documents(t *testing.T) map[string][]block {
	t.Helper()
	out, err := exec.Command("git", "-C", repository, "ls-files", "--cached", "--others", "--exclude-standard", "*.md").Output()
	var paths []string
	if err == nil {
		paths = strings.Fields(string(out))
	} else { // an archive without its history
		for _, depth := range []string{"*", "*/*", "*/*/*", "*/*/*/*"} {
			found, err := filepath.Glob(filepath.Join(repository, depth, "*.md"))
			if err != nil {
				t.Fatal(err)
			}
			for _, path := range found {
				paths = append(paths, strings.TrimPrefix(path, repository+"/"))
			}
		}
	}
	list := map[string][]block{}
	for _, path := range paths {
		for _, m := range fenced.FindAllStringSubmatch(readFile(t, filepath.Join(repository, path)), -1) {
			list[path] = append(list[path], block{m[1], m[2]})
		}
	}
	return list
}

// TestDocuments runs every command of every document as it stands there, one
// document after the other in a directory of its own, with a mock vendor in the
// place of a paid one; compiles every program; and reads every configuration.
func TestDocuments(t *testing.T) {
	all := documents(t)
	for path := range documentsElsewhere {
		if len(all[path]) == 0 {
			t.Errorf("%s has no blocks any more: it needs no exception", path)
		}
	}
	ran := 0
	for path, blocks := range all {
		if documentsElsewhere[path] != "" {
			continue
		}
		var script strings.Builder
		for _, b := range blocks {
			switch b.language {
			case "sh":
				script.WriteString(b.text)
			case "go":
				t.Run(path+"/go", func(t *testing.T) { t.Parallel(); compiles(t, b.text) })
			case "yaml":
				t.Run(path+"/yaml", func(t *testing.T) { isConfiguration(t, b.text) })
			case "json":
				t.Run(path+"/json", func(t *testing.T) { areQueries(t, b.text) })
			case "text", "":
			default:
				t.Errorf("%s: nobody knows how to try a block of %s", path, b.language)
			}
			ran++
		}
		if script.Len() > 0 {
			t.Run(path, func(t *testing.T) { t.Parallel(); runsAsWritten(t, script.String()) })
		}
	}
	if ran < 20 {
		t.Errorf("only %d blocks were found", ran)
	}
}

// runsAsWritten runs a script as a newcomer would. What would change the machine
// or take minutes is looked at instead of done.
func runsAsWritten(t *testing.T, script string) {
	dir := t.TempDir()
	tools := filepath.Join(dir, "tools")
	for name, text := range standIns {
		path := filepath.Join(tools, name)
		if err := os.MkdirAll(tools, 0o755); err != nil {
			t.Fatal(err)
		}
		// A child that another test forks while the file is open for writing has
		// it open until it executes: "text file busy".
		syscall.ForkLock.RLock()
		err := os.WriteFile(path, []byte("#!/bin/sh\nset -eu\n"+text), 0o755)
		syscall.ForkLock.RUnlock()
		if err != nil {
			t.Fatal(err)
		}
	}
	work := filepath.Join(dir, "w")
	if err := os.MkdirAll(filepath.Join(work, "home"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("jq"); err != nil {
		t.Log("SKIPPED: lines with jq, which is not installed")
		script = regexp.MustCompile(`(?m)^.*\| jq .*$`).ReplaceAllString(script, "")
	}
	vendor := startVendor(t, upstream.Config{})
	cmd := exec.Command("sh", "-eu", "-c", script)
	cmd.Dir = work
	cmd.Env = append(cleanEnv(filepath.Join(work, "home")), "REPO="+repository, "OPENAI_BASE_URL="+vendor.URL()+"/v1",
		"PATH="+tools+":"+layout+":"+filepath.Join(repository, "cmd/cortex-host/services")+":"+os.Getenv("PATH"))
	out, errs, _, code := timed(t, cmd)
	if code != 0 {
		t.Fatalf("exit code %d\n%s\n%s", code, out, errs)
	}
}

// standIns stand for programs that would change the machine, or take minutes:
// they check that what they are told makes sense.
var standIns = map[string]string{
	"git":       `test "$1" = clone && mkdir cortex-host`,
	"make":      `exec /usr/bin/env PATH="${PATH#*:}" make -n -C "$REPO" "$@" >/dev/null`,
	"sudo":      `case $1 in make|systemctl) exec "$@";; install) shift; while [ $# -gt 2 ]; do shift; done; test -e "$1" || test "$1" = /dev/stdin;; *) exit 9;; esac`,
	"systemctl": `case $1 in daemon-reload|list-timers) ;; enable) test -e "$REPO/cmd/cortex-host/services/cortex-host@.${3##*.}";; *) exit 9;; esac`,
}

// compiles builds a program against this source.
func compiles(t *testing.T, text string) {
	dir := t.TempDir()
	mod := readFile(t, filepath.Join(repository, "go.mod"))
	const name = "github.com/cortexlinux/cortex-host"
	mod = strings.Replace(mod, "module "+name, "module example.com/document", 1)
	mod += fmt.Sprintf("\nrequire %s v0.0.0\nreplace %s => %s\n", name, name, repository)
	for file, data := range map[string]string{"main.go": text, "go.mod": mod, "go.sum": readFile(t, filepath.Join(repository, "go.sum"))} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := tool(dir, []string{"GOFLAGS=-mod=mod", "GOCACHE=" + goCache}, "go", "vet", "."); err != nil {
		t.Error(err)
	}
	formatted, err := exec.Command("gofmt", "-l", dir).CombinedOutput()
	if err != nil || len(formatted) > 0 {
		t.Errorf("gofmt: %s %v", formatted, err)
	}
}

func isConfiguration(t *testing.T, text string) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "c.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	host(t, dir, 0, "config", "validate", "c.yaml")
}

func areQueries(t *testing.T, text string) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "q.ndjson"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	host(t, dir, 0, "batch", "q.ndjson", "--provider", "simulator", "--dry-run")
}

// TestLinksOfDocuments follows the links between documents.
func TestLinksOfDocuments(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]+)\)`)
	for path := range documents(t) {
		page := fenced.ReplaceAllString(readFile(t, filepath.Join(repository, path)), "")
		for _, m := range link.FindAllStringSubmatch(page, -1) {
			if _, err := os.Stat(filepath.Join(repository, filepath.Dir(path), m[1])); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
}

// TestTheDocumentsKnowEverything looks for each exit code, setting and event in
// the pages that are about them.
func TestTheDocumentsKnowEverything(t *testing.T) {
	codes := readFile(t, "EXITCODES.md")
	for _, code := range []int{exitOK, exitFatal, exitUsage, exitFailed, exitEarly, 129, 130, 143} {
		if !strings.Contains(codes, fmt.Sprint(code)) || !strings.Contains(exitCodesHelp, fmt.Sprint(code)) {
			t.Errorf("exit code %d is not explained", code)
		}
	}
	formats := readFile(t, "../../core/format/FORMATS.md")
	for _, m := range regexp.MustCompile("json:\"([a-z_]+)").FindAllStringSubmatch(readFile(t, "gauge.go"), -1) {
		if !strings.Contains(formats, "`"+m[1]+"`") {
			t.Errorf("FORMATS.md says nothing of %s", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`logger\.[A-Z][a-z]+\("([a-z ]+)"`).FindAllStringSubmatch(readFile(t, "log.go"), -1) {
		if !strings.Contains(formats, "`"+m[1]+"`") {
			t.Errorf("FORMATS.md says nothing of the event %q", m[1])
		}
	}
	operating := readFile(t, "OPERATING.md")
	for _, cmd := range commands(t) {
		if name := cmd.Name(); !cmd.HasParent() || cmd.Parent().HasParent() || slices.Contains([]string{"help", "completion", "generator", "environment", "exit-codes", "recording", "version"}, name) {
			continue
		}
		if !strings.Contains(operating, cmd.Name()) {
			t.Errorf("OPERATING.md says nothing of %s", cmd.CommandPath())
		}
	}
}
