// Package scaffold writes the beginning of a new generator: a small project
// with a build line, a test and a README, in one of the languages that have a
// helper. The project holds the helper itself, so it builds without a network
// and without this module.
//
//	files, err := scaffold.Write("capitals", "capitals", "go")
package scaffold

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/cortexlinux/cortex-host/sdk/assemblyscript"
	"github.com/cortexlinux/cortex-host/sdk/c"
	"github.com/cortexlinux/cortex-host/sdk/generator"
	"github.com/cortexlinux/cortex-host/sdk/rust"
)

//go:embed templates
var templates embed.FS

// A language is how a project in it is built.
type language struct {
	name         string
	title        string
	prerequisite string
	source       string // the file that an author changes
	sources      string // what the module is made of
	build        string
	test         string // a line of the Makefile, or empty
	helper       func(files map[string]string) error
}

var languages = []language{
	{
		name: "go", title: "Go", prerequisite: "Go 1.24 or newer", source: "main.go",
		sources: "$(wildcard *.go generator/*.go) go.mod",
		build:   "GOOS=wasip1 GOARCH=wasm go build -trimpath -ldflags='-s -w' -o $@ .",
		test:    "\tgo test ./...\n", helper: goHelper,
	},
	{
		name: "rust", title: "Rust", prerequisite: "rustc with the target wasm32-wasip1 (rustup target add wasm32-wasip1; Debian: rustc libstd-rust-dev-wasm32)",
		source: "main.rs", sources: "main.rs cortex.rs",
		build: "$(RUSTC) -O --target $(TARGET) -C strip=symbols -o $@ main.rs",
		helper: func(files map[string]string) error {
			files["cortex.rs"] = rust.Module
			files["Makefile"] = "RUSTC ?= rustc\n# Before Rust 1.78 the target was called wasm32-wasi.\n" +
				"TARGET ?= $(shell $(RUSTC) --print target-list | grep -x -e wasm32-wasip1 || echo wasm32-wasi)\n" + files["Makefile"]
			return nil
		},
	},
	{
		name: "c", title: "C", prerequisite: "clang with wasi-libc (Debian: clang lld wasi-libc libclang-rt-dev-wasm32)",
		source: "main.c", sources: "main.c cortex.h",
		build: "clang --target=wasm32-wasi -O2 -s -o $@ main.c",
		helper: func(files map[string]string) error {
			files["cortex.h"] = c.Header
			return nil
		},
	},
	{
		name: "assemblyscript", title: "AssemblyScript", prerequisite: "Node.js with npm",
		source: "main.ts", sources: "main.ts cortex.ts node_modules",
		build: "npx asc main.ts -O3 --runtime incremental --config ./node_modules/@assemblyscript/wasi-shim/asconfig.json -o $@",
		helper: func(files map[string]string) error {
			files["cortex.ts"], files["package.json"] = assemblyscript.Module, assemblyscript.Dependencies
			files["Makefile"] += "\nnode_modules: package.json\n\tnpm install && touch $@\n"
			return nil
		},
	},
}

// goHelper puts the helper into a package of the project's own.
func goHelper(files map[string]string) error {
	files["go.mod"] = "module NAME\n\ngo 1.24\n"
	return fs.WalkDir(generator.Source, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(generator.Source, path)
		files["generator/"+path] = string(data)
		return err
	})
}

// Languages returns the languages in which a project can be begun.
func Languages() []string {
	var names []string
	for _, l := range languages {
		names = append(names, l.name)
	}
	return names
}

var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)

// Write writes a project for a generator of that name into dir, which must be
// empty or not be there, and returns the files that it wrote.
func Write(dir, name, lang string) ([]string, error) {
	if !nameForm.MatchString(name) {
		return nil, fmt.Errorf("%q is no name for a generator: use small letters, digits and dashes, at most 64", name)
	}
	i := slices.IndexFunc(languages, func(l language) bool { return l.name == lang })
	if i < 0 {
		return nil, fmt.Errorf("there is no helper for %q: one of %s; any other language can follow SPEC.md", lang, strings.Join(Languages(), ", "))
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return nil, fmt.Errorf("%s is not empty: choose another directory", dir)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	files, err := render(languages[i], name)
	if err != nil {
		return nil, err
	}
	var written []string
	for path, content := range files {
		full := filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
			return nil, err
		}
		written = append(written, full)
	}
	slices.Sort(written)
	return written, nil
}

// render returns the files of a project.
func render(l language, name string) (map[string]string, error) {
	files := map[string]string{".gitignore": "*.wasm\n*.part\nnode_modules/\n"}
	for _, dir := range []string{"common", l.name} {
		entries, err := templates.ReadDir("templates/" + dir)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			data, err := templates.ReadFile("templates/" + dir + "/" + e.Name())
			if err != nil {
				return nil, err
			}
			files[strings.TrimSuffix(e.Name(), ".txt")] = string(data)
		}
	}
	words := strings.NewReplacer("SOURCES", l.sources, "SOURCE", "`"+l.source+"`", "BUILD", l.build, "TEST\t", l.test+"\t",
		"LANGUAGE", l.title, "PREREQUISITE", l.prerequisite)
	for _, path := range []string{"Makefile", "README.md"} {
		files[path] = words.Replace(files[path])
	}
	if err := l.helper(files); err != nil {
		return nil, err
	}
	for path, content := range files {
		if !strings.HasPrefix(path, "cortex.") && !strings.HasPrefix(path, "generator/") {
			files[path] = strings.ReplaceAll(content, "NAME", name)
		}
	}
	return files, nil
}
