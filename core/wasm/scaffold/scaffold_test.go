package scaffold_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/cortexlinux/cortex-host/core/confine"
	"github.com/cortexlinux/cortex-host/core/wasm"
	"github.com/cortexlinux/cortex-host/core/wasm/scaffold"
)

func TestMain(m *testing.M) {
	confine.Main(wasm.Child())
	goleak.VerifyTestMain(m)
}

// A new project must build, pass its own test and conform as it stands.
func TestNewProjectsWork(t *testing.T) {
	needs := map[string]string{"go": "", "c": "/usr/lib/wasm32-wasi/libc.a", "rust": "/usr/lib/rustlib/wasm32-wasi",
		"assemblyscript": filepath.Join(os.Getenv("CORTEX_ASC_MODULES"), ".bin", "asc")}
	programs := map[string]string{"c": "clang", "rust": "rust-lld"}
	r, err := wasm.NewRunner(wasm.Config{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for _, language := range scaffold.Languages() {
		t.Run(language, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "tried")
			files, err := scaffold.Write(dir, "tried", language)
			if err != nil {
				t.Fatal(err)
			}
			if len(files) < 6 {
				t.Errorf("files %v", files)
			}
			if need := needs[language]; need != "" {
				if _, err := os.Stat(need); err != nil {
					t.Skipf("SKIPPED: a project in %s was not built, for want of %s", language, need)
				}
			}
			if program := programs[language]; program != "" {
				if _, err := exec.LookPath(program); err != nil {
					t.Skipf("SKIPPED: a project in %s was not built, for want of %s", language, program)
				}
			}
			if language == "assemblyscript" {
				if err := os.Symlink(os.Getenv("CORTEX_ASC_MODULES"), filepath.Join(dir, "node_modules")); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.Command("make", "tried.part", "RUSTC=/usr/bin/rustc")
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("make: %v\n%s", err, out)
			}
			if language == "go" {
				cmd := exec.Command("go", "test", "./...")
				cmd.Dir = dir
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("go test: %v\n%s", err, out)
				}
			}
			conforms(t, r, filepath.Join(dir, "tried.part"), filepath.Join(dir, "manifest.json"))
		})
	}
}

func conforms(t *testing.T, r *wasm.Runner, part, manifest string) {
	t.Helper()
	module, err := os.ReadFile(part)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := wasm.Pack(module, text)
	if err != nil {
		t.Fatal(err)
	}
	m, err := wasm.Parse("tried.wasm", packed)
	if err != nil {
		t.Fatal(err)
	}
	report, err := r.Conform(context.Background(), m, wasm.Request{})
	if err != nil {
		t.Fatal(err)
	}
	if !report.OK() {
		_ = report.WriteText(os.Stderr)
		t.Error("the new project does not conform")
	}
}

func TestWriteRefuses(t *testing.T) {
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][3]string{{t.TempDir(), "Bad Name", "go"}, {t.TempDir(), "x", "cobol"}, {full, "x", "go"}, {t.TempDir(), "../x", "go"}} {
		if _, err := scaffold.Write(c[0], c[1], c[2]); err == nil {
			t.Errorf("%v was written", c)
		}
	}
}
