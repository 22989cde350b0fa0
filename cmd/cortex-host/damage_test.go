package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every command says of a run whose journal is damaged what it is and what to do,
// and none that there is no run.
func TestADamagedRunIsToldEverywhere(t *testing.T) {
	dir := t.TempDir()
	queries := queryFile(t, 20)
	run := []string{"batch", queries, "--provider", "simulator", "-o", "out.ndjson", "-q"}
	host(t, dir, 0, run...)
	journals, err := filepath.Glob(filepath.Join(dir, ".local/state/cortex-host/runs/*/journal"))
	if err != nil || len(journals) != 1 {
		t.Fatalf("%v, %v", journals, err)
	}
	id := filepath.Base(filepath.Dir(journals[0]))
	data, err := os.ReadFile(journals[0])
	if err != nil {
		t.Fatal(err)
	}
	copy(data[len(data)/2:], "XXXXXXXX")
	if err := os.WriteFile(journals[0], data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(filepath.Dir(journals[0]), "status.json")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{0, "unreadable  not known", []string{"runs", "list"}},
		{0, "is damaged at byte", []string{"runs", "show", "out.ndjson"}},
		{0, "`cortex-host runs rm " + id, []string{"doctor"}},
		{1, "copy it before --new-run", append(run, "--resume")},
		{1, "copy it before --new-run", []string{"resume", id}},
		{1, "name the file of the results", []string{"report", id}},
		{0, "wrote page.html", []string{"report", "out.ndjson", "-o", "page.html"}},
		{0, "", []string{"runs", "rm", "out.ndjson"}},
		{2, "there is no run", []string{"runs", "show", id}},
	} {
		out, errs := host(t, dir, c.code, c.args...)
		if !strings.Contains(out+errs, c.want) {
			t.Errorf("%v: no %q in\n%s%s", c.args, c.want, out, errs)
		}
	}
}

// To answers that somebody has edited none are added, whatever the file is packed
// with: nobody is asked, and the file stays as it is.
func TestAnEditedFileIsNotAddedTo(t *testing.T) {
	queries := queryFile(t, 4)
	for _, name := range []string{"out.ndjson", "out.ndjson.gz", "out.ndjson.zst"} {
		dir := t.TempDir()
		run := []string{"batch", queries, "--provider", "simulator", "-o", name, "-q"}
		host(t, dir, 0, append(run, "--limit", "2")...)
		path := filepath.Join(dir, name)
		good := readFile(t, path)
		edited := []byte(good)
		edited[len(edited)/2] ^= 1
		if err := os.WriteFile(path, edited, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, errs := host(t, dir, 2, append(run, "--limit", "4", "--resume")...); !strings.Contains(errs, "hint: undo the change") {
			t.Errorf("%s: %s", name, errs)
		}
		if readFile(t, path) != string(edited) {
			t.Errorf("%s was written to", name)
		}
		if err := os.WriteFile(path, []byte(good), 0o600); err != nil {
			t.Fatal(err)
		}
		host(t, dir, 0, append(run, "--limit", "4", "--resume")...)
	}
}
