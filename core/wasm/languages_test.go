package wasm_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cortexlinux/cortex-host/core/wasm"
)

// packageVectors are items that a careless generator stumbles over.
var packageVectors = []wasm.Item{
	{Text: "nginx"}, {Text: "  bash\t"}, {Text: "libstdc++6"}, {Text: "two words"}, {Text: ""}, {Text: strings.Repeat("x", 300)},
	{Text: `quote"back\slash`}, {Text: "ünïcödé-✓-😀"}, {Text: "<&>"}, {Text: "ctrl\x01"}, {Text: "{package}"}, {Text: "del\x7f"},
	{JSON: []byte(`{"package":"redis"}`)}, {JSON: []byte(`{"name":"mem\u0063ached","other":[1,{"package":"no"}]}`)},
	{JSON: []byte(`{ "x" : "}\"{" , "package" : "\ud83d\ude00\u00e9\t" }`)}, {JSON: []byte(`{}`)}, {JSON: []byte(`{"package":7}`)},
	{Text: "zero\x00byte"}, {JSON: []byte(`{"package":"a\/b\b\u0000\ud800\\u0041\\","\u006eame":"no"}`)}, {JSON: []byte(`{"\"name":1,"name\"":2,"name":"\u0022\\\""}`)},
}

// vectorFacts are the same on every machine.
type vectorFacts struct{}

func (vectorFacts) Machine(context.Context, string) (json.RawMessage, error) {
	return json.RawMessage(`{"name":"Debian GNU/Linux 12 (bookworm)","architecture":"x86_64"}`), nil
}

func (vectorFacts) Packages(context.Context, []string) (map[string]json.RawMessage, error) {
	return map[string]json.RawMessage{
		"nginx": json.RawMessage(`{"candidate":"1.22.1-9","architecture":"amd64"}`),
		"bash":  json.RawMessage(`{"installed":"5.2.15-2+b7","candidate":"5.2.15-2+b8","architecture":"amd64"}`),
	}, nil
}

// digest runs a module over the vectors and returns the SHA-256 of its records
// in canonical form, and the records.
func digest(t *testing.T, m *wasm.Module, items ...wasm.Item) (string, []string) {
	t.Helper()
	r := newRunner(t, wasm.Config{Facts: vectorFacts{}})
	h := sha256.New()
	var records []string
	_, _, err := collect(r, m, wasm.Request{
		Items: func(yield func(wasm.Item, error) bool) {
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
		},
		Record: func(line []byte) {
			canonical, err := wasm.Canonical(line)
			if err != nil {
				t.Errorf("%s: %v", line, err)
			}
			h.Write(append(canonical, '\n'))
			records = append(records, string(canonical))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil)), records
}

// build is how an example is built in each language; it says what is missing if
// it cannot be.
var build = map[string]func(t *testing.T, example, out string) (missing string, cmd *exec.Cmd){
	"c": func(_ *testing.T, example, out string) (string, *exec.Cmd) {
		cmd := exec.Command("clang", "--target=wasm32-wasi", "-O2", "-Wall", "-Werror", "-s", "-o", out, "sdk/c/"+example+".c")
		if cmd.Err != nil {
			return "clang", cmd
		}
		if _, err := os.Stat("/usr/lib/wasm32-wasi/libc.a"); err != nil {
			return "wasi-libc", cmd
		}
		return "", cmd
	},
	"rust": func(_ *testing.T, example, out string) (string, *exec.Cmd) {
		cmd := exec.Command("/usr/bin/rustc", "-O", "--target", "wasm32-wasi", "-C", "strip=symbols", "-o", out, "sdk/rust/"+example+".rs")
		if _, err := os.Stat("/usr/lib/rustlib/wasm32-wasi"); err != nil {
			return "rustc and libstd-rust-dev-wasm32 of Debian", cmd
		}
		if _, err := exec.LookPath("rust-lld"); err != nil {
			return "rust-lld", cmd
		}
		return "", cmd
	},
	"assemblyscript": func(t *testing.T, example, out string) (string, *exec.Cmd) {
		modules := os.Getenv("CORTEX_ASC_MODULES") // a node_modules directory
		if modules == "" {
			modules = filepath.Join(repository(t), "sdk", "assemblyscript", "node_modules")
		}
		asc := filepath.Join(modules, ".bin", "asc")
		cmd := exec.Command(asc, "package.ts", "-O3", "--runtime", "incremental",
			"--config", "./node_modules/@assemblyscript/wasi-shim/asconfig.json", "-o", out)
		if _, err := os.Stat(asc); err != nil {
			return "`npm install` in sdk/assemblyscript (or CORTEX_ASC_MODULES)", cmd
		}
		// asc wants the sources beside node_modules.
		dir := t.TempDir()
		sources := filepath.Join(repository(t), "sdk", "assemblyscript")
		for from, to := range map[string]string{"cortex.ts": "cortex.ts", example + ".ts": example + ".ts"} {
			data, err := os.ReadFile(filepath.Join(sources, from))
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, to)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
			t.Fatal(err)
		}
		cmd.Dir, cmd.Args[1] = dir, example+".ts"
		return "", cmd
	},
}

func repository(t testing.TB) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// packageIn builds the package generator in a language.
func packageIn(t *testing.T, language string) *wasm.Module {
	t.Helper()
	manifest, err := os.ReadFile("../../wasm-generators/package/manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	return exampleIn(t, language, "package/package", manifest)
}

// exampleIn builds an example in a language, and packs it.
func exampleIn(t *testing.T, language, example string, manifest []byte) *wasm.Module {
	t.Helper()
	out := filepath.Join(t.TempDir(), "example.part")
	missing, cmd := build[language](t, example, out)
	if missing != "" {
		t.Skipf("SKIPPED: the example %s in %s was not built, for want of %s", example, language, missing)
	}
	if cmd.Dir == "" {
		cmd.Dir = repository(t)
	}
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, text)
	}
	module, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := wasm.Pack(module, manifest)
	if err != nil {
		t.Fatal(err)
	}
	m, err := wasm.Parse(language, packed)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The same generator in every language makes the same records.
func TestLanguagesAgree(t *testing.T) {
	if raceEnabled {
		t.Skip("SKIPPED: all of it happens in other processes, which the race detector only makes slow")
	}
	want, wantRecords := digest(t, goGenerator(t, "package"), packageVectors...)
	t.Logf("go: %s, %d records", want, len(wantRecords))
	for language := range build {
		t.Run(language, func(t *testing.T) {
			got, records := digest(t, packageIn(t, language), packageVectors...)
			if got == want {
				return
			}
			t.Errorf("the records hash to %s, want %s", got, want)
			for i := range min(len(records), len(wantRecords)) {
				if records[i] != wantRecords[i] {
					t.Fatalf("record %d:\n%s\nwant\n%s", i, records[i], wantRecords[i])
				}
			}
			t.Errorf("%d records, want %d", len(records), len(wantRecords))
		})
	}
}

// The helpers are small enough to be read before they are used: a page of code,
// comments aside, in lines that fit a screen. Go puts fewer things on a line and
// has two pages: what an author calls, and how JSON is read.
func TestHelpersAreAPage(t *testing.T) {
	for path, most := range map[string]int{"c/cortex.h": 90, "rust/cortex.rs": 90, "assemblyscript/cortex.ts": 90,
		"generator/generator.go": 110, "generator/value.go": 110} {
		source, err := os.ReadFile(filepath.Join(repository(t), "sdk", path))
		if err != nil {
			t.Fatal(err)
		}
		lines := 0
		for line := range strings.Lines(string(source)) {
			code := strings.TrimSpace(line)
			comment := strings.HasPrefix(code, "//") || strings.HasPrefix(code, "/*") || strings.HasPrefix(code, "* ")
			if code != "" && code != "*" && !comment {
				lines++
			}
			if len(line) > 130 && !comment {
				t.Errorf("%s: a line of %d bytes", path, len(line))
			}
		}
		if lines > most {
			t.Errorf("%s has %d lines of code, at most %d are a page", path, lines, most)
		}
	}
}

// The examples that authors begin with are short, and right.
func TestExamples(t *testing.T) {
	if raceEnabled {
		t.Skip("SKIPPED: all of it happens in other processes, which the race detector only makes slow")
	}
	const manifest = `{"abi":1,"kind":"generator","name":"capitals","version":"1.0.0","summary":"Asks for capitals"}`
	extension := map[string]string{"c": "c", "rust": "rs", "assemblyscript": "ts"}
	for language := range build {
		t.Run(language, func(t *testing.T) {
			source, err := os.ReadFile(filepath.Join(repository(t), "sdk", language, "examples", "capitals."+extension[language]))
			if err != nil {
				t.Fatal(err)
			}
			if lines := strings.Count(string(source), "\n"); lines > 15 {
				t.Errorf("the example has %d lines", lines)
			}
			m := exampleIn(t, language, "examples/capitals", []byte(manifest))
			queries, _, err := collect(newRunner(t, wasm.Config{}), m, wasm.Request{Items: wasm.Texts("C\u00f4te d'Ivoire", "Peru")})
			if err != nil || len(queries) != 2 {
				t.Fatalf("%+v, %v", queries, err)
			}
			if q := queries[0]; len(q.Messages) != 2 || q.Messages[0].Text != "Answer with one word." || q.Messages[1].Text != "What is the capital of C\u00f4te d'Ivoire?" {
				t.Errorf("%+v", q)
			}
		})
	}
}
