package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A file is replaced by renaming another one over it. What is no file must not
// be: root would be left without /dev/null.
func TestPipesAndDevicesAreWrittenToAsTheyAre(t *testing.T) {
	dir := t.TempDir()
	queries := queryFile(t, 2)
	for flag, want := range map[string]string{"-o": `"query_id":"q0"`, "--summary": `"success_count": 2`, "--report": "<!doctype html>"} {
		pipe := filepath.Join(dir, strings.TrimLeft(flag, "-"))
		if err := syscall.Mkfifo(pipe, 0o600); err != nil {
			t.Fatal(err)
		}
		// Opened for reading too, so that nobody waits for another end.
		r, err := os.OpenFile(pipe, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		read := make(chan string)
		go func() {
			var all strings.Builder
			buffer := make([]byte, 1<<20)
			for !strings.Contains(strings.ToLower(all.String()), want) {
				n, err := r.Read(buffer)
				if all.Write(buffer[:n]); err != nil {
					break
				}
			}
			for n := 1; n > 0; { // so that the writer is not held up
				r.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
				n, _ = r.Read(buffer)
			}
			read <- all.String()
		}()
		_, errs, _, code := timed(t, command(t, "batch", queries, "--provider", "simulator", flag, pipe))
		if code != 0 {
			t.Errorf("%s: exit %d\n%s", flag, code, errs)
			r.Close()
		}
		if got := <-read; !strings.Contains(strings.ToLower(got), want) {
			t.Errorf("%s: %q came through the pipe", flag, got)
		}
		if !isStream(pipe) {
			t.Errorf("%s: the pipe was replaced", flag)
		}
	}
	_, errs, _, code := timed(t, command(t, "batch", queries, "--provider", "simulator", "-o", filepath.Join(dir, "o"), "--resume"))
	if code != exitUsage || !strings.Contains(errs, "is no regular file") {
		t.Errorf("exit %d\n%s", code, errs)
	}
}

// A link goes on pointing to the file that is replaced.
func TestALinkStaysALink(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	if err := replaceFile(link, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(file); err != nil || string(data) != "new" {
		t.Errorf("%q, %v", data, err)
	}
	if _, err := os.Readlink(link); err != nil {
		t.Error("the link was replaced")
	}
}

// What a name means is where the answers go: an open file is written on, a link
// goes on pointing to its file, also to one that is not there yet.
func TestWhereAnswersGo(t *testing.T) {
	queries := queryFile(t, 2)
	for _, c := range []struct {
		script string
		rows   map[string]int // lines of files afterwards
	}{
		{"$run -o /dev/stdout > out", map[string]int{"out": 2}},
		{"echo first > out; $run -o /dev/stdout >> out", map[string]int{"out": 3}},
		{"$run -o - > out; test ! -e ./-", map[string]int{"out": 2}},
		{"$run -o /dev/fd/3 3> out", map[string]int{"out": 2}},
		{"$run --summary /dev/stdout > out; grep -q success_count out; grep -q query_id out", nil},
		{"$run -o out --report - | grep -q '<!doctype html>'; test ! -e ./-", map[string]int{"out": 2}},
		{"$run -o /dev/null", nil},
		{"ln -s file link; $run -o link; test -L link", map[string]int{"file": 2}},
		{"echo old > file; ln -s file link; $run -o link --force; test -L link", map[string]int{"file": 2}},
		{"mkdir data in; ln -s ../data/file in/link; $run -o in/link --errors in/failed --report in/page.html; test -L in/link", map[string]int{"data/file": 2}},
		{"ln -s file link; $run -o link; cortex-host runs show link | grep -q file; cortex-host report link -o - | grep -q '<!doctype html>'", map[string]int{"file": 2}},
		{"cp $queries e.partial; ask e.partial -o out --errors e", map[string]int{"out": 2, "e.partial": 2}},
		{"mkdir data; ln -s data d; $run -o d/out --limit 1; $run -o data/out --resume; cortex-host runs show d/out | grep -q data/out", map[string]int{"data/out": 2}},
		{"mkfifo pipe; (cat pipe > page) & $run -o out --report pipe; wait; grep -q '</html>' page", map[string]int{"out": 2}},
	} {
		errs, dir, code := inShell(t, "set -e; "+c.script, queries)
		if code != 0 {
			t.Errorf("%s: exit %d\n%s", c.script, code, errs)
		}
		for name, want := range c.rows {
			data, err := os.ReadFile(filepath.Join(dir, name))
			if got := strings.Count(string(data), "\n"); got != want {
				t.Errorf("%s: %s has %d lines, want %d (%v)", c.script, name, got, want, err)
			}
		}
	}
}

// Where the answers would be lost, or take away what is there, nothing is asked.
func TestAnswersThatWouldBeLost(t *testing.T) {
	queries := queryFile(t, 2)
	for script, want := range map[string]string{
		"$run >&-":                              "stdout is closed",
		"$run --format text >&-":                "stdout is closed",
		"cortex-host generate package bash >&-": "stdout is closed",
		"$run -o ''":                            "the name of a file is missing",
		"$run --report -":                       "cannot both go to stdout",
		"for n in 3 4 5 6 7 8 9; do eval \"exec $n>&-\"; $run -o /dev/fd/$n && exit 9; done; $run -o /dev/fd/900": "bad file descriptor",
		"$run -o out --errors /dev/null --force":                                                  "/dev/null is no regular file",
		"ln -s nowhere/file link; $run -o link":                                                   "no such file or directory",
		"ln -s link link; $run -o link --force":                                                   "no regular file",
		"cp $queries q; ask q -o q --force":                                                       "q is what is read: -o would replace it",
		"cp $queries q; ln -s q link; ask q -o link --force":                                      "q is what is read",
		"cp $queries out.partial; ask out.partial -o out --force":                                 "out.partial is what is read",
		"mkdir d; cp $queries d/e.errors.partial; ask d/e.errors.partial -o out --errors d/e":     "e.errors.partial is what is read: --errors gathers",
		"cp $queries out.gz.tmp; ask out.gz.tmp -o out.gz":                                        "out.gz.tmp is what is read: -o gathers",
		"mkdir d; cp $queries d/out.partial; ln -s d/out link; ask d/out.partial -o link --force": "out.partial is what is read",
		"$run -o out --log out.partial":                                                           "--log names out.partial, where -o gathers its rows",
		"cp $queries q; ask q --report ./q":                                                       "q is what is read: --report",
		"cp $queries q; ask q --log ./q":                                                          "q is what is read: --log",
		"mkdir d; $run -o out --summary d/../out":                                                 "-o and --summary both name",
		"touch f; $run -o f/out":                                                                  "not a directory",
		"$run -o $(printf 'a%.0s' $(seq 300))":                                                    "file name too long",
		"$run -o out --errors out":                                                                "-o and --errors both name",
		"$run -o out --report page --log page":                                                    "--report and --log both name",
	} {
		errs, dir, code := inShell(t, script, queries)
		if code != exitUsage || !strings.Contains(errs, want) || !strings.Contains(errs, "\nhint: ") {
			t.Errorf("%s: exit %d, want %q\n%s", script, code, want, errs)
		}
		if kept, _ := os.ReadFile(filepath.Join(dir, "q")); len(kept) > 0 && !strings.Contains(string(kept), `"messages"`) {
			t.Errorf("%s: the queries are gone", script)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "*.partial")); len(left) > 0 && left[0] != filepath.Join(dir, "out.partial") {
			t.Errorf("%s: left behind: %v", script, left)
		}
	}
}

// inShell runs a script in a directory of its own: ask asks the simulator about a
// file, $run about the queries.
func inShell(t *testing.T, script, queries string) (errs, dir string, code int) {
	t.Helper()
	cmd := command(t)
	const ask = `ask() { file=$1; shift; cortex-host batch "$file" --provider simulator -q "$@"; }; run="ask $queries"; `
	cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", ask + script}
	cmd.Env = append(cmd.Env, "queries="+queries)
	_, errs, _, code = timed(t, cmd)
	return errs, cmd.Dir, code
}

// What did not fit is taken back, and whoever else writes to the open file goes on
// where the last whole row ends.
func TestAnotherWriterGoesOnBehindTheLastRow(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, text := range []string{"row\n", "half a r"} {
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	unwrite(f, len("half a r"))
	if _, err := f.WriteString("end\n"); err != nil {
		t.Fatal(err)
	}
	if got := readFile(t, f.Name()); got != "row\nend\n" {
		t.Errorf("%q", got)
	}
}

// What could not be printed is an error, whatever it was; that nobody reads it
// any more is none.
func TestOutputThatCannotBeWritten(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("SKIPPED: this machine has no /dev/full")
	}
	for _, args := range []string{"", "--help", "run --help-all", "help exit-codes", "runs", "version", "runs list --json", "config schema", "config show", "completion zsh", "provider list",
		"generator list", "generate package bash", "run package bash --provider offline"} {
		errs, _, code := inShell(t, "cortex-host "+args+" > /dev/full", "")
		if code != exitFatal || !strings.Contains(errs, "no space left on device") {
			t.Errorf("%q: exit %d\n%s", args, code, errs)
		}
		if errs, _, code := inShell(t, "cortex-host "+args+" | true", ""); code != exitOK || strings.Contains(errs, "error:") {
			t.Errorf("%q into a closed pipe: exit %d\n%s", args, code, errs)
		}
	}
}

func TestFormatOfAFile(t *testing.T) {
	for name, want := range map[string]string{"a": formatNDJSON, "a.csv": formatCSV, "a.CSV.GZ": formatCSV, "a.tsv.zstd": formatTSV, "a.csv.zst": formatCSV, "a.tab": formatTSV, "a.ndjson.gz": formatNDJSON} {
		if got := formatOf(name, false); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
