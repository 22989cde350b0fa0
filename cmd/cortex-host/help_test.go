package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// commands returns every command with the root, without cobra's hidden ones.
func commands(t *testing.T) []*cobra.Command {
	t.Helper()
	root, _ := newRoot(&app{stdout: io.Discard, stderr: io.Discard, env: func(string) (string, bool) { return "", false }})
	list := []*cobra.Command{root}
	for i := 0; i < len(list); i++ {
		for _, sub := range list[i].Commands() {
			if !sub.Hidden {
				list = append(list, sub)
			}
		}
	}
	return list
}

// flagsOf returns the names of the flags that a command has of its own.
func flagsOf(cmd *cobra.Command) []string {
	var names []string
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" && !f.Hidden {
			names = append(names, f.Name)
		}
	})
	return names
}

func TestHelpFitsAScreen(t *testing.T) {
	for _, cmd := range commands(t) {
		if cmd.IsAdditionalHelpTopicCommand() {
			continue
		}
		lines := strings.Split(strings.TrimRight(helpText(cmd, false), "\n"), "\n")
		if len(lines) > 40 {
			t.Errorf("%s --help has %d lines; want at most 40", cmd.CommandPath(), len(lines))
		}
		for _, line := range lines {
			if n := len([]rune(line)); n > 100 {
				t.Errorf("%s --help has a line of %d characters: %s", cmd.CommandPath(), n, line)
			}
		}
		if !cmd.HasExample() || !strings.Contains(cmd.Example, "cortex-host") {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
		every := helpText(cmd, true)
		for _, name := range flagsOf(cmd) {
			if !strings.Contains(every, "--"+name) {
				t.Errorf("%s --help-all says nothing of --%s", cmd.CommandPath(), name)
			}
		}
	}
}

// untested are commands and flags that no script can show anything of, and why.
var untested = map[string]string{
	"cortex-host run --yes":   "asks at a terminal; TestLargeRunsAsk does it there",
	"cortex-host batch --yes": "asks at a terminal; TestLargeRunsAsk does it there",
}

// TestEveryCommandAndFlagIsInAScript keeps the scripts complete: a command that
// none of them runs, or a flag that none of them gives to one of the commands
// that share it, is not tested from outside.
func TestEveryCommandAndFlagIsInAScript(t *testing.T) {
	lines := scriptLines(t)
	runs := func(cmd *cobra.Command, flag string) bool {
		return slices.ContainsFunc(lines, func(words []string) bool {
			return calls(words, cmd) && (flag == "" || slices.ContainsFunc(words, func(w string) bool {
				return w == "--"+flag || strings.HasPrefix(w, "--"+flag+"=") || short(cmd, flag) != "" && w == "-"+short(cmd, flag)
			}))
		})
	}
	list := commands(t)
	for _, cmd := range list {
		if untested[cmd.CommandPath()] == "" && !runs(cmd, "") {
			t.Errorf("no script runs `%s`", cmd.CommandPath())
		}
		for _, flag := range flagsOf(cmd) {
			if (cmd == list[0] || flag == "config" || flag == "profile") && slices.ContainsFunc(list, func(other *cobra.Command) bool { return runs(other, flag) }) {
				continue // every command has it
			}
			tested := runs(cmd, flag) || slices.ContainsFunc(list, func(other *cobra.Command) bool {
				return asks[cmd.CommandPath()] && asks[other.CommandPath()] && other.LocalFlags().Lookup(flag) != nil && runs(other, flag)
			})
			if untested[cmd.CommandPath()+" --"+flag] == "" && !tested {
				t.Errorf("no script uses `%s --%s`", cmd.CommandPath(), flag)
			}
		}
	}
}

// asks are the commands that share their flags by one piece of code.
var asks = map[string]bool{"cortex-host run": true, "cortex-host batch": true, "cortex-host generate": true, "cortex-host generator test": true,
	"cortex-host generator inspect": true, "cortex-host config show": true}

func short(cmd *cobra.Command, flag string) string {
	if f := cmd.Flags().Lookup(flag); f != nil {
		return f.Shorthand
	}
	return ""
}

// calls reports whether the words of a line run exactly this command.
func calls(words []string, cmd *cobra.Command) bool {
	i := slices.IndexFunc(words, func(w string) bool { return filepath.Base(w) == "cortex-host" })
	path := strings.Fields(cmd.CommandPath())[1:]
	if i < 0 || len(words) < i+1+len(path) {
		return false
	}
	words = words[i+1:]
	if len(words) > 0 && words[0] == "help" && len(path) > 0 && slices.Equal(words[1:min(len(words), 1+len(path))], path) {
		return true
	}
	if !slices.Equal(words[:len(path)], path) {
		return false
	}
	return len(path) > 0 || len(words) == 0 || strings.HasPrefix(words[0], "-")
}

// scriptLines returns the commands of all scripts as words.
func scriptLines(t *testing.T) [][]string {
	t.Helper()
	paths, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	word := regexp.MustCompile(`'[^']*'|"[^"]*"|[^\s|;()&]+`)
	var list [][]string
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		script, _, _ := strings.Cut(string(data), "\n-- ")
		for _, line := range strings.Split(script, "\n") {
			for _, command := range strings.Split(line, "cortex-host ")[min(1, strings.Count(line, "cortex-host ")):] {
				if strings.Contains(line, "cortex-host") && !strings.HasPrefix(line, "#") && !strings.Contains(line, "stderr ") {
					list = append(list, append([]string{"cortex-host"}, word.FindAllString(command, -1)...))
				}
			}
			if strings.HasSuffix(line, "cortex-host") {
				list = append(list, []string{"cortex-host"})
			}
		}
	}
	return list
}
