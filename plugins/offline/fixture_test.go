package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"go.uber.org/goleak"
)

// TestMain gives apt's index a directory that goes with the tests.
func TestMain(m *testing.M) {
	cache, err := os.MkdirTemp("", "offline-test-")
	if err == nil {
		err = os.Setenv("XDG_CACHE_HOME", cache)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(cache)
		os.Exit(code)
	}))
}

// The time of the machines in testdata, and when their files were written.
var (
	fixtureNow     = time.Date(2026, time.November, 24, 12, 0, 0, 0, time.UTC)
	fixtureWritten = time.Date(2026, time.November, 22, 6, 30, 0, 0, time.UTC)
)

func fixtureClock() time.Time { return fixtureNow }

// fakeTools answers for the tools of a machine, from a file of testdata.
type fakeTools struct {
	outputs map[string]output // by command
	tools   map[string]bool
	hang    map[string]bool // tools that take longer than they may

	mu    sync.Mutex
	asked map[string]int
	alien []string // commands that the file does not know
}

// short makes commands readable: long formats have names.
var short = strings.NewReplacer(dpkgFormat, "FORMAT", rpmFormat, "FORMAT", dnfFormat, "FORMAT",
	`[%{PROVIDENAME}\n]`, "PROVIDES", `[%{=NAME}\t%{REQUIRENAME}\n]`, "REQUIRES", strings.Join(simulation("NAME")[:11], " "), "-s",
	"--setopt=assumeyes=0 --setopt=tsflags=test ", "", "--property=Id,LoadState,ActiveState,SubState,UnitFileState,Listen", "PROPERTIES")

func (f *fakeTools) Has(tool string) bool { return f.tools[tool] }

func (f *fakeTools) Run(ctx context.Context, tool string, args ...string) (output, error) {
	command := short.Replace(tool + " " + strings.Join(args, " "))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked[command]++
	switch out, known := f.outputs[command]; {
	case ctx.Err() != nil:
		return output{}, context.Cause(ctx)
	case !f.tools[tool]:
		return output{}, fmt.Errorf("%s %w", tool, errNoTool)
	case f.hang[tool]:
		return output{}, fmt.Errorf("%s took longer than 15s", tool)
	case known:
		return out, nil
	}
	f.alien = append(f.alien, command)
	return output{exit: 1, stderr: "not in the file"}, nil
}

// readMachine makes a machine of a file of testdata. Its sections are
//
//	run COMMAND          what a tool says on stdout
//	fail N COMMAND       the same, with an exit code
//	stderr COMMAND       what it says on stderr
//	tool NAME            a tool that is there
//	link PATH            a symbolic link
//	/PATH                a file
//	answer NAME          what is to be answered
func readMachine(t testing.TB, file string) (*machine, *fakeTools, *txtar.Archive) {
	t.Helper()
	archive, err := txtar.ParseFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	tools := &fakeTools{outputs: map[string]output{}, tools: map[string]bool{}, hang: map[string]bool{}, asked: map[string]int{}}
	root := t.TempDir()
	for _, f := range archive.Files {
		kind, rest, _ := strings.Cut(f.Name, " ")
		text := string(f.Data)
		switch {
		case strings.HasPrefix(kind, "/"):
			place(t, root, f.Name, func(path string) error { return writeFile(path, text) })
		case kind == "link":
			place(t, root, rest, func(path string) error { return os.Symlink(strings.TrimSpace(text), path) })
		case kind == "tool":
			tools.tools[rest] = true
		case kind == "run":
			tools.add(rest, func(o *output) { o.stdout = text })
		case kind == "stderr":
			tools.add(rest, func(o *output) { o.stderr = text })
		case kind == "fail":
			code, command, _ := strings.Cut(rest, " ")
			tools.add(command, func(o *output) { o.stdout, o.exit = text, int(parseUint(code)) })
		case kind != "answer":
			t.Fatalf("%s: %q is no section", file, f.Name)
		}
	}
	backdate(t, root)
	s, err := readSettings(nil)
	if err != nil {
		t.Fatal(err)
	}
	s.packageCache = false
	m := &machine{settings: s, tools: tools, root: root, now: fixtureClock}
	m.manager = m.findManager()
	return m, tools, archive
}

func (f *fakeTools) add(command string, change func(*output)) {
	tool, _, _ := strings.Cut(command, " ")
	f.tools[tool] = true
	o := f.outputs[command]
	change(&o)
	f.outputs[command] = o
}

func place(t testing.TB, root, name string, write func(string) error) {
	t.Helper()
	path := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := write(path); err != nil {
		t.Fatal(err)
	}
}

// backdate makes every file of a machine as old as the others.
func backdate(t testing.TB, root string) {
	t.Helper()
	err := filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.Mode()&os.ModeSymlink != 0 {
			return err
		}
		return os.Chtimes(path, fixtureWritten, fixtureWritten)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// answers returns the answer sections of a file, by what is asked.
func answers(archive *txtar.Archive) map[string]*txtar.File {
	all := map[string]*txtar.File{}
	for i, f := range archive.Files {
		if name, ok := strings.CutPrefix(f.Name, "answer "); ok {
			all[name] = &archive.Files[i]
		}
	}
	return all
}

// TestPackageAnswers compares every answer about a package with the one in the
// machine's file; -update writes them anew.
func TestPackageAnswers(t *testing.T) {
	files, err := filepath.Glob("testdata/machine-*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no machines in testdata", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			m, tools, archive := readMachine(t, filepath.Base(file))
			wanted := answers(archive)
			for _, name := range slices.Sorted(maps.Keys(wanted)) {
				got := ""
				if s, err := m.answerPackage(t.Context(), name); err != nil {
					got = fmt.Sprintf("error: %v\n", err)
				} else {
					got = s.String()
				}
				if want := string(wanted[name].Data); got != want && !*update {
					t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
				}
				wanted[name].Data = []byte(got)
			}
			for _, command := range tools.alien {
				t.Errorf("the machine was asked what its file does not know: %s", command)
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// touch makes a file newer.
func (m *machine) touch(t testing.TB, name string) {
	t.Helper()
	if err := os.Chtimes(m.path(name), fixtureNow, fixtureNow); err != nil {
		t.Fatal(err)
	}
}

func writeFile(path, text string) error { return os.WriteFile(path, []byte(text), 0o644) }
