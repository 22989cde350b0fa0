package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cortexlinux/cortex-host/sdk/provider/providertest/upstream"
)

// queryLine is a good line of a file of queries.
func queryLine(id string) string {
	return fmt.Sprintf(`{"id":%q,"messages":[{"role":"user","content":"question %s"}]}`, id, id)
}

// bomb is a packed file of a few hundred kilobytes that grows to n bytes.
func bomb(t *testing.T, n int64) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(z, blanks{}, n); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type blanks struct{}

func (blanks) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// Whatever is wrong with a file is told with file, line and byte before the
// first call; with --keep-going it is a row of the error file, and the good
// rows around it are answered.
func TestBadInputNeverBills(t *testing.T) {
	good, other := queryLine("q1"), queryLine("q2")
	at := len(good) + 1 // where line 2 begins
	for name, c := range map[string]struct {
		file, content string
		args          []string
		line          int // of the bad row; 0: of none in particular
		problem       string
		whole         bool // --keep-going does not help
	}{
		"bad JSON":        {"in.jsonl", good + "\n{\"id\":\n" + other, nil, 2, "the JSON ends too early|unexpected end", false},
		"missing field":   {"in.jsonl", good + "\n{\"id\":\"x\"}\n" + other, nil, 2, "messages is empty", false},
		"unknown field":   {"in.jsonl", good + "\n" + strings.Replace(other, "messages", "mesages", 1) + "\n" + other, nil, 2, `unknown field "mesages"`, false},
		"same id again":   {"in.jsonl", good + "\n" + good + "\n" + other, nil, 2, `the id "q1" is used by an earlier row`, false},
		"NUL":             {"in.jsonl", good + "\n\x00\n" + other, nil, 2, "NUL byte at column 1", false},
		"invalid UTF-8":   {"in.jsonl", good + "\nabc\xff\n" + other, nil, 2, "not valid UTF-8 at column 4", false},
		"CRLF, BOM":       {"in.jsonl", "\ufeff" + good + "\r\n{}\r\n" + other, nil, 2, "id", false},
		"UTF-16":          {"in.jsonl", "\xff\xfe{\x00", nil, 1, "UTF-16", true},
		"cut gzip":        {"in.jsonl.gz", string(bomb(t, 1000)[:30]), nil, 1, "end too early", true},
		"bomb":            {"in.jsonl.gz", string(bomb(t, 300<<20)), nil, 1, "this is no file of queries", true},
		"openai":          {"in.jsonl", `{"custom_id":"r1","method":"GET","url":"/v1/chat/completions","body":{}}`, nil, 1, "method must be POST", false},
		"table":           {"in.csv", "id,name\na,Ada\nb\nc,Cy\n", []string{"--prompt", "Who is {name}?"}, 3, "the row has 1 fields, the header has 2", false},
		"open quote":      {"in.csv", "id,name\na,Ada\nb,\"Bob\nc,Cy\n", []string{"--prompt", "Who is {name}?"}, 3, "a quoted field ends with a quote", false},
		"header":          {"in.csv", "id,id\na,Ada\n", []string{"--prompt", "Who is {id}?"}, 1, "two columns are called", true},
		"unknown column":  {"in.csv", "id,name\na,Ada\n", []string{"--prompt", "Who is {nam}?"}, 1, `column "nam"`, true},
		"lines, no UTF-8": {"in.txt", "one\ntw\xc3\n", nil, 2, "not valid UTF-8 at column 3", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startVendor(t, upstream.Config{})
			cmd := hostCommand(t, s, append([]string{"batch", c.file}, c.args...)...)
			if err := os.WriteFile(filepath.Join(cmd.Dir, c.file), []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			out, errs, _, code := timed(t, cmd)
			found := false
			for _, p := range strings.Split(c.problem, "|") {
				found = found || strings.Contains(errs, p)
			}
			if code != exitUsage || out != "" || !found || !strings.Contains(errs, "hint: nothing was asked") {
				t.Errorf("exit %d\n%s%s", code, out, errs)
			}
			if strings.Contains(errs, "--keep-going") == c.whole && name != "UTF-16" { // of which a line may be read
				t.Errorf("whether --keep-going helps is not told: %s", errs)
			}
			if c.line > 0 && (!strings.Contains(errs, fmt.Sprintf("%s:%d: ", c.file, c.line)) || !strings.Contains(errs, "byte ")) {
				t.Errorf("the place is not told: %s", errs)
			}
			begins := at
			if name == "CRLF, BOM" {
				begins += len("\ufeff") + len("\r")
			}
			if c.line == 2 && strings.HasSuffix(c.file, ".jsonl") && !strings.Contains(errs, fmt.Sprintf("(line begins at byte %d)", begins)) {
				t.Errorf("byte %d is not told: %s", begins, errs)
			}
			if n := s.Stats().Requests; n != 0 {
				t.Errorf("%d calls were made", n)
			}
			if c.whole {
				return
			}
			again := hostCommand(t, s, append([]string{"batch", c.file, "--keep-going", "-o", "out.ndjson", "--errors", "errors.ndjson"}, c.args...)...)
			again.Dir = cmd.Dir
			_, errs, _, code = timed(t, again)
			rows := readFile(t, filepath.Join(cmd.Dir, "errors.ndjson"))
			if code != exitFailed || strings.Count(rows, "\n") != 1 || !strings.Contains(rows, fmt.Sprintf(`"query_id":"%s:%d"`, c.file, c.line)) {
				t.Errorf("exit %d, error file:\n%s\n%s", code, rows, errs)
			}
			answers := strings.Count(readFile(t, filepath.Join(cmd.Dir, "out.ndjson")), `"content"`)
			if n := s.Stats().Requests; answers != n || n == 0 && c.line > 1 {
				t.Errorf("%d answers of %d calls", answers, n)
			}
		})
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// A line of a gigabyte is an error with its place, and is never held in memory.
func TestALineOfAGigabyte(t *testing.T) {
	s := startVendor(t, upstream.Config{})
	cmd := hostCommand(t, s, "batch", "in.jsonl")
	path := filepath.Join(cmd.Dir, "in.jsonl")
	if err := os.WriteFile(path, []byte(queryLine("q1")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 1<<30); err != nil { // a hole: it takes no space
		t.Skip("SKIPPED: no file of a gigabyte here: ", err)
	}
	out, errs, took, code := timed(t, cmd)
	if code != exitUsage || out != "" || !strings.Contains(errs, "in.jsonl:2: the line is longer than 33554432 bytes") ||
		!strings.Contains(errs, fmt.Sprintf("(line begins at byte %d)", len(queryLine("q1"))+1)) || s.Stats().Requests != 0 {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		t.Fatal("no resource usage")
	}
	t.Logf("%v, %d MB at most", took, usage.Maxrss>>10)
	if usage.Maxrss>>10 > 400 && !raceEnabled {
		t.Errorf("%d MB of memory", usage.Maxrss>>10)
	}
}

// A stream cannot be read beforehand: what comes before the bad line is
// answered, and with --keep-going what comes behind it too.
func TestBadLineOfAStream(t *testing.T) {
	for _, keep := range []bool{false, true} {
		s := startVendor(t, upstream.Config{})
		args := []string{"batch", "-"}
		if keep {
			args = append(args, "--keep-going")
		}
		cmd := hostCommand(t, s, args...)
		cmd.Stdin = strings.NewReader(queryLine("q1") + "\n{}\n" + queryLine("q1") + "\n" + queryLine("q2"))
		out, errs, _, code := timed(t, cmd)
		answered, failed := strings.Count(out, `"content"`), strings.Count(out, `"kind":"invalid_request"`)
		switch {
		case keep && (code != exitFailed || answered != 2 || failed != 2 || !strings.Contains(out, `"query_id":"stdin:3"`)),
			!keep && (code != exitFatal || answered != 1 || failed != 0 || !strings.Contains(errs, "stdin:2: ") || !strings.Contains(errs, "hint: mend what is named there, or let --keep-going")):
			t.Errorf("keep going %v: exit %d\n%s%s", keep, code, out, errs)
		}
	}
}

// What comes to a file after it was checked is not asked, and a file that was
// changed is not begun.
func TestAFileThatChangesAfterTheCheck(t *testing.T) {
	path := queryFile(t, 3)
	add := func() {
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := fmt.Fprintln(f, queryLine("late")); err != nil {
			t.Fatal(err)
		}
	}
	a := &app{stderr: io.Discard, env: os.LookupEnv}
	input, err := a.openBatch(t.Context(), path, &batchFlags{})
	if err != nil {
		t.Fatal(err)
	}
	defer input.close()
	n := 0
	for _, err := range input.queries {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 1 {
			add()
		}
	}
	if n != 3 {
		t.Errorf("%d queries of the 3 that were checked", n)
	}
	for _, err := range input.queries {
		if err == nil || !strings.Contains(err.Error(), path+" was changed after it had been checked") {
			t.Fatalf("got %v", err)
		}
	}
}
