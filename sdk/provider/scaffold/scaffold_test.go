package scaffold_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cortexlinux/cortex-host/sdk/provider/scaffold"
)

func TestWriteRefuses(t *testing.T) {
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, cfg := range []scaffold.Config{{Dir: t.TempDir(), Name: "Bad Name"}, {Dir: t.TempDir(), Name: "../x"}, {Dir: full, Name: "acme"},
		{Dir: t.TempDir(), Name: "cortex-provider-acme"}, {Dir: t.TempDir(), Name: strings.Repeat("x", 65)}} {
		if err := scaffold.Write(cfg); err == nil {
			t.Errorf("%+v is accepted", cfg)
		}
	}
}

// A shell can export the variables of every name.
func TestVariablesOfEveryName(t *testing.T) {
	for name, want := range map[string]string{"acme": `"ACME_API_KEY"`, "a-b": `"A_B_API_KEY"`, "3scale": `"PROVIDER_3SCALE_API_KEY"`} {
		dir := filepath.Join(t.TempDir(), name)
		if err := scaffold.Write(scaffold.Config{Dir: dir, Name: name}); err != nil {
			t.Fatal(err)
		}
		schema, err := os.ReadFile(filepath.Join(dir, "config.schema.json"))
		if err != nil || !strings.Contains(string(schema), want) {
			t.Errorf("%s: want %s in %s, %v", name, want, schema, err)
		}
	}
}

// noModules is what go says where there is neither a module nor a way to it.
var noModules = regexp.MustCompile(`module lookup disabled|dial tcp|no such host|proxyconnect|i/o timeout|TLS handshake timeout`)

// module writes the scaffold for a name and returns what runs go in it.
func module(t *testing.T, name string) (dir string, run func(args ...string) string) {
	t.Helper()
	if testing.Short() {
		t.Skip("builds a module")
	}
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(t.TempDir(), "cortex-provider-"+name)
	if err := scaffold.Write(scaffold.Config{Dir: dir, Name: name, Replace: root}); err != nil {
		t.Fatal(err)
	}
	// Its checksums are ours: everything it needs is in our module.
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "go.sum"), sums, 0o600); err != nil {
		t.Fatal(err)
	}
	tool := func(args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := tool("list", "-deps", "-test", "./..."); err != nil {
		if noModules.MatchString(out) {
			t.Skipf("SKIPPED: the scaffold is not tested: its modules can't be had: %s", out)
		}
		t.Fatalf("go list: %v\n%s", err, out)
	}
	return dir, func(args ...string) string {
		t.Helper()
		out, err := tool(args...)
		if err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return out
	}
}

// What is written compiles and passes the kit untouched.
func TestTheScaffoldPassesTheKit(t *testing.T) {
	dir, run := module(t, "acme")
	if out := run("test", "-count=1", "./..."); !strings.Contains(out, "ok") {
		t.Errorf("got %s", out)
	}
	run("vet", "./...")
	if out := run("run", ".", "describe"); !strings.Contains(out, `"name": "acme"`) || !strings.Contains(out, "ACME_API_KEY") {
		t.Errorf("got %s", out)
	}
	source, err := exec.CommandContext(t.Context(), "gofmt", "-l", dir).Output()
	if err != nil || len(source) > 0 {
		t.Errorf("gofmt would change %s (%v)", source, err)
	}
}

// The finished example of AUTHORING.md is the scaffold with other files in their
// place, and passes the kit too.
func TestTheFinishedExamplePassesTheKit(t *testing.T) {
	dir, run := module(t, "cohere")
	const example = "testdata/cohere"
	err := filepath.WalkDir(example, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(example, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, name), data, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	run("vet", "./...")
	if out := run("test", "-count=1", "-v", "./..."); !strings.Contains(out, "PASS: TestConformance/faults/error:_trial_over") {
		t.Errorf("got %s", out)
	}
}
