package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/creack/pty"

	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

// A terminal runs the host in a pseudo-terminal and shows what a person would
// see: it knows the sequences that the host uses, wraps lines, and wraps them
// anew when it gets narrower, as most terminals do.
type terminal struct {
	t    *testing.T
	cmd  *exec.Cmd
	tty  *os.File // the master's side
	done chan struct{}

	mu    sync.Mutex
	raw   bytes.Buffer
	rows  [][]rune
	row   int
	col   int
	width int
	odd   []string // sequences that it does not know
}

// onTerminal starts the host in a pseudo-terminal of that width.
func onTerminal(t *testing.T, dir string, width int, env []string, args ...string) *terminal {
	t.Helper()
	cmd := exec.Command(filepath.Join(layout, "cortex-host"), args...)
	cmd.Dir = dir
	cmd.Env = append(cleanEnv(dir), append([]string{"TERM=xterm-256color"}, env...)...)
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: uint16(width)})
	if err != nil {
		t.Fatal(err)
	}
	s := &terminal{t: t, cmd: cmd, tty: tty, done: make(chan struct{}), width: width, rows: [][]rune{nil}}
	go s.read()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		tty.Close()
		<-s.done
	})
	return s
}

func (s *terminal) read() {
	defer close(s.done)
	var rest []byte
	buf := make([]byte, 4096)
	for {
		n, err := s.tty.Read(buf)
		s.mu.Lock()
		s.raw.Write(buf[:n])
		rest = s.show(append(rest, buf[:n]...))
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

var csi = regexp.MustCompile(`^\x1b\[([0-9;]*)([A-Za-z])`)

// show puts output on the screen and returns what is not complete yet.
func (s *terminal) show(data []byte) []byte {
	for len(data) > 0 {
		if data[0] == '\x1b' {
			m := csi.FindSubmatch(data)
			if m == nil {
				if len(data) < 16 {
					return data
				}
				s.odd = append(s.odd, fmt.Sprintf("%q", data[:16]))
				data = data[1:]
				continue
			}
			s.sequence(string(m[1]), m[2][0])
			data = data[len(m[0]):]
			continue
		}
		if !utf8.FullRune(data) {
			return data
		}
		r, size := utf8.DecodeRune(data)
		s.put(r)
		data = data[size:]
	}
	return nil
}

func (s *terminal) sequence(args string, end byte) {
	switch end {
	case 'A':
		n := 1
		_, _ = fmt.Sscan(args, &n)
		s.row = max(0, s.row-n)
	case 'J':
		s.rows = s.rows[:s.row+1]
		s.rows[s.row] = s.rows[s.row][:min(s.col, len(s.rows[s.row]))]
	case 'm':
	default:
		s.odd = append(s.odd, args+string(end))
	}
}

func (s *terminal) put(r rune) {
	switch r {
	case '\r':
		s.col = 0
		return
	case '\n':
		s.row++
		for len(s.rows) <= s.row {
			s.rows = append(s.rows, nil)
		}
		return
	}
	if s.col >= s.width {
		s.col = 0
		s.put('\n')
	}
	line := s.rows[s.row]
	for len(line) <= s.col {
		line = append(line, ' ')
	}
	line[s.col] = r
	s.rows[s.row] = line
	s.col++
}

// resize makes the terminal as wide.
func (s *terminal) resize(width int) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.width = width
	var rows [][]rune
	for i, line := range s.rows {
		if i == s.row {
			s.row = len(rows)
		}
		for len(line) > width {
			rows = append(rows, line[:width])
			line = line[width:]
		}
		rows = append(rows, line)
	}
	s.rows = rows
	if err := pty.Setsize(s.tty, &pty.Winsize{Rows: 24, Cols: uint16(width)}); err != nil {
		s.t.Fatal(err)
	}
}

// text is what can be seen.
func (s *terminal) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, line := range s.rows {
		b.WriteString(strings.TrimRight(string(line), " ") + "\n")
	}
	return b.String()
}

// sees waits until something can be seen.
func (s *terminal) sees(pattern string) {
	s.t.Helper()
	re := regexp.MustCompile(pattern)
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if re.MatchString(s.text()) {
			return
		}
	}
	s.t.Fatalf("never saw %q:\n%s", pattern, s.text())
}

func (s *terminal) typed(keys string) {
	s.t.Helper()
	if _, err := io.WriteString(s.tty, keys); err != nil {
		s.t.Fatal(err)
	}
}

// ends waits for the exit code and checks that nothing is left of the bar, and
// that the terminal works as before.
func (s *terminal) ends(code int) {
	s.t.Helper()
	hung := time.AfterFunc(2*time.Minute, func() { _ = s.cmd.Process.Signal(syscall.SIGQUIT) }) // it tells where it hangs
	err := s.cmd.Wait()
	hung.Stop()
	time.Sleep(50 * time.Millisecond) // the last output is on its way
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	}
	text := s.text()
	if got != code {
		s.t.Errorf("exit code %d; want %d:\n%s", got, code, text)
	}
	if strings.Contains(text, "in flight") || strings.Contains(text, "limited by") {
		s.t.Errorf("something of the bar is left:\n%s", text)
	}
	if len(s.odd) > 0 {
		s.t.Errorf("unknown sequences: %q", s.odd)
	}
	if !cooked(s.t, s.tty) {
		s.t.Error("the terminal does not show what is typed any more")
	}
}

const slowSimulator = `providers:
  slow: {plugin: simulator, settings: {latency: 400ms}}
  hour: {plugin: simulator, settings: {latency: 1h}}
`

// queryDir is a directory with n queries and providers of different speed.
func queryDir(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"id":"q%d","messages":[{"role":"user","content":"question %d"}]}`+"\n", i, i)
	}
	for name, text := range map[string]string{"queries.ndjson": b.String(), "c.yaml": slowSimulator} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestTheBarOnATerminal(t *testing.T) {
	t.Parallel()
	dir := queryDir(t, 40)
	s := onTerminal(t, dir, 100, nil, "batch", "queries.ndjson", "--config", "c.yaml", "--provider", "slow", "-o", "out.ndjson", "-j", "2", "--control", filepath.Join(dir, "s"))
	s.sees(`\[=+ *\] [0-9]+/40 done, 2 in flight, .* left`)
	s.sees(`/s, [0-9]+ tokens, limited by concurrency`)
	s.typed("+")
	s.sees(`max concurrent: 3`)
	s.typed("p")
	s.sees(`(?m)^paused: calls under way end`)
	s.sees(`tokens, paused`)
	s.resize(50)
	s.typed("?")
	s.sees(`keys: p pauses`)
	s.resize(30)
	s.typed("]p++++++++++++++++++++++++++++++")
	s.sees(`going on`)
	s.resize(120)
	s.ends(0)
	if text := s.text(); !regexp.MustCompile(`40 answered`).MatchString(text) || strings.Count(text, "max concurrent: 3\n") != 1 {
		t.Errorf("what is left to see:\n%s", text)
	}
}

func TestCtrlCOnATerminal(t *testing.T) {
	t.Parallel()
	s := onTerminal(t, queryDir(t, 40), 80, nil, "batch", "queries.ndjson", "--config", "c.yaml", "--provider", "hour", "-o", "out.ndjson", "-j", "4", "--drain", "300ms")
	s.sees(`4 in flight`)
	s.typed("\x03")
	s.ends(130)
	if text := s.text(); !regexp.MustCompile(`error: stopped by SIGINT\nhint: continue with .cortex-host resume `).MatchString(text) {
		t.Errorf("what is left to see:\n%s", text)
	}
}

func TestAnswersOnATerminal(t *testing.T) {
	t.Parallel()
	s := onTerminal(t, queryDir(t, 6), 80, nil, "batch", "queries.ndjson", "--config", "c.yaml", "--provider", "slow", "-j", "1")
	s.sees(`in flight`)
	s.ends(0)
	text := s.text()
	if n := len(regexp.MustCompile(`(?m)^● q[0-5]  slow, simulated-1, [0-9]+ tokens, [0-9.]+s$`).FindAllString(text, -1)); n != 6 {
		t.Errorf("%d headings:\n%s", n, text)
	}
	table := `(?m)^ +answered  failed  calls  tokens  cost  median  95 %$\n^ +slow +6 +0 +6 +210 +\$0 +[0-9.]+s +[0-9.]+s$\n^6 answered, 210 tokens in `
	if !regexp.MustCompile(table).MatchString(text) {
		t.Errorf("no table:\n%s", text)
	}
}

func TestPlainTerminals(t *testing.T) {
	t.Parallel()
	for _, env := range []string{"TERM=dumb", "NO_COLOR=1"} {
		s := onTerminal(t, queryDir(t, 3), 60, []string{env}, "batch", "queries.ndjson", "--config", "c.yaml", "--provider", "slow")
		s.ends(0)
		raw := s.raw.String()
		if env == "TERM=dumb" && strings.Contains(raw, "\x1b") || regexp.MustCompile("\x1b\\[[0-9;]*m").MatchString(raw) {
			t.Errorf("%s: escape sequences: %q", env, raw)
		}
	}
}

func TestLargeRunsAsk(t *testing.T) {
	t.Parallel()
	dir := queryDir(t, 3)
	vendor := startVendor(t, upstream.Config{})
	key := []string{"OPENAI_API_KEY=sk-1"}
	args := []string{"batch", "queries.ndjson", "--provider", "openai", "--base-url", vendor.URL() + "/v1", "--price", "1000000,1000000", "--max-tokens", "500"}
	s := onTerminal(t, dir, 100, key, args...)
	s.sees(`3 queries, about \$.*Ask them\? \[y/N\]`)
	s.typed("n\n")
	s.ends(2)
	s = onTerminal(t, dir, 100, key, args...)
	s.sees(`Ask them\? \[y/N\]`)
	s.typed("y\n")
	s.ends(0)
	s = onTerminal(t, dir, 100, key, append(args, "--yes")...)
	s.ends(0)
	if strings.Contains(s.text(), "[y/N]") {
		t.Errorf("--yes does not keep it from asking:\n%s", s.text())
	}
}

// Nor does a generator spend much without a question.
func TestLargeRunsOfAGeneratorAsk(t *testing.T) {
	t.Parallel()
	vendor := startVendor(t, upstream.Config{})
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "items.txt"), []byte(strings.Repeat("one\ntwo\nthree\n", 4)), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"--provider", "openai", "--base-url", vendor.URL() + "/v1", "--price", "1000000,1000000", "--max-tokens", "500"}
	key := []string{"OPENAI_API_KEY=sk-1"}
	s := onTerminal(t, dir, 100, key, append([]string{"run", "package", "--input", "items.txt"}, args...)...)
	s.sees(`3 queries, about \$.*Ask them\? \[y/N\]`)
	s.typed("n\n")
	s.ends(exitUsage)
	s = onTerminal(t, dir, 100, key, append([]string{"run", "package", "--input", "items.txt", "-o", "out.ndjson"}, args...)...)
	s.sees(`Ask them\? \[y/N\]`)
	s.typed("y\n")
	s.ends(exitFailed)
	s = onTerminal(t, dir, 100, key, append([]string{"run", "package", "one", "two"}, args...)...)
	s.ends(exitOK)
	if n := vendor.Stats().Requests; n != 5 || strings.Contains(s.text(), "[y/N]") {
		t.Errorf("%d requests:\n%s", n, s.text())
	}
}

// Of a run that is continued, only what is left is asked about.
func TestResumedRunsAskAboutWhatIsLeft(t *testing.T) {
	t.Parallel()
	vendor := startVendor(t, upstream.Config{})
	args := []string{"batch", "queries.ndjson", "--provider", "openai", "--base-url", vendor.URL() + "/v1", "--price", "1000000,1000000", "--max-tokens", "500", "-o", "out.ndjson", "-j", "1"}
	dir, key := queryDir(t, 3), []string{"OPENAI_API_KEY=sk-1"}
	s := onTerminal(t, dir, 100, key, append(args, "--max-cost", "530")...) // enough for one
	s.sees(`1 answered`)
	s.ends(exitEarly)
	s = onTerminal(t, dir, 100, key, append(args, "--resume")...)
	s.sees(`2 queries, about \$.*Ask them\? \[y/N\]`)
	s.typed("y\n")
	s.ends(exitOK)
	if n := vendor.Stats().Requests; n != 3 {
		t.Errorf("%d requests", n)
	}
}

// Ctrl-C at a question ends the program, as it does everywhere.
func TestCtrlCAtAQuestion(t *testing.T) {
	vendor := startVendor(t, upstream.Config{})
	dir := t.TempDir()
	s := onTerminal(t, dir, 100, nil, "config", "init")
	s.sees(`Whom to ask`)
	s.typed("\x03")
	s.ends(130)
	if _, err := os.Stat(filepath.Join(dir, "cortex-host.yaml")); err == nil {
		t.Error("a file was written")
	}
	s = onTerminal(t, dir, 100, []string{"OPENAI_API_KEY=sk-1"}, "batch", queryFile(t, 3), "--provider", "openai", "--base-url", vendor.URL()+"/v1", "--price", "1000000,1000000")
	s.sees(`Ask them\? \[y/N\]`)
	s.typed("\x03")
	s.ends(130)
	if n := vendor.Stats().Requests; n != 0 {
		t.Errorf("%d calls were made", n)
	}
}
