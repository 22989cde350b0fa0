package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/cortexlinux/cortex-host/core/config"
)

// bashCompletion is what bash itself lacks for completion scripts.
const bashCompletion = "/usr/share/bash-completion/bash_completion"

// TestCompletionInShells types half a word and a tab into the shells that are
// here. The line that they make of it is shown by an echo put before it.
func TestCompletionInShells(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, c := range []struct {
		shell string
		args  []string
		needs string
		setup string
	}{
		{"bash", []string{"--norc", "-i"}, bashCompletion, ". " + bashCompletion + "; . <(cortex-host completion bash)"},
		{"zsh", []string{"-f", "-i"}, "", "autoload -Uz compinit; compinit -u -D; . <(cortex-host completion zsh)"},
		{"fish", []string{"--no-config", "-i"}, "", "cortex-host completion fish | source"},
	} {
		t.Run(c.shell, func(t *testing.T) {
			path, err := exec.LookPath(c.shell)
			if err != nil {
				t.Skipf("SKIPPED: completion in %s, which is not installed", c.shell)
			}
			if _, err := os.Stat(c.needs); c.needs != "" && err != nil {
				t.Skipf("SKIPPED: completion in %s, which needs %s", c.shell, c.needs)
			}
			s := startShell(t, dir, path, c.args...)
			s.types(c.setup + "; echo re''ady\r")
			s.prints(`ready`)
			for typed, want := range map[string]string{
				"cortex-host prov":                                            `cortex-host provider`,
				"cortex-host run pack":                                        `cortex-host run package`,
				"cortex-host run package --provider sim":                      `cortex-host run package --provider simulator`,
				"cortex-host run package bash --max-concurr":                  `cortex-host run package bash --max-concurrent`,
				"cortex-host run package --provider openai --model gpt-4o-mi": `cortex-host run package --provider openai --model gpt-4o-mini`,
			} {
				s.types(typed + "\t" + "\x01echo 'GOT:' \r") // what follows the tab waits for it
				s.prints(`GOT: ` + regexp.QuoteMeta(want))
			}
		})
	}
}

// A shell is one that somebody types into.
type shell struct {
	t   *testing.T
	tty *os.File

	mu  sync.Mutex
	out bytes.Buffer
}

func startShell(t *testing.T, home, path string, args ...string) *shell {
	t.Helper()
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Env = home, append(cleanEnv(home), "TERM=xterm", "PS1=> ", "XDG_DATA_HOME="+filepath.Join(home, "data"))
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 50, Cols: 200})
	if err != nil {
		t.Fatal(err)
	}
	s := &shell{t: t, tty: tty}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(s, tty) // it ends with the shell
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		tty.Close()
		<-done
	})
	return s
}

// Write takes what the shell shows.
func (s *shell) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(p)
}

func (s *shell) types(keys string) {
	s.t.Helper()
	if _, err := io.WriteString(s.tty, keys); err != nil {
		s.t.Fatal(err)
	}
}

// prints waits until a line begins so, and forgets what came before.
func (s *shell) prints(pattern string) {
	s.t.Helper()
	re := regexp.MustCompile(`(?m)(^|[\r\n])(\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]|\x1b\(B)*` + pattern)
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		s.mu.Lock()
		found := re.Match(s.out.Bytes())
		if found {
			s.out.Reset()
		}
		s.mu.Unlock()
		if found {
			return
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.t.Fatalf("never printed %s:\n%q", pattern, s.out.String())
}

// A setting that is one of a few words offers them.
func TestEveryChoiceIsCompleted(t *testing.T) {
	dir, choice := t.TempDir(), regexp.MustCompile(`^[a-z]+$`)
	for _, k := range config.Keys() {
		var want []string
		for _, word := range strings.Split(k.Form, "|") {
			if choice.MatchString(word) {
				want = append(want, word)
			}
		}
		if len(want) == 0 || k.Form == "true|false" { // that one is given as --flag=false
			continue
		}
		out, _ := host(t, dir, 0, "__complete", "run", "--"+k.Flag(), "")
		for _, word := range want {
			if !regexp.MustCompile(`(?m)^` + word + `$`).MatchString(out) {
				t.Errorf("--%s %s: %q", k.Flag(), k.Form, out)
			}
		}
	}
}
