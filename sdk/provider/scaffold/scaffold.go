// Package scaffold writes the beginnings of a provider plugin: a Go module of
// its own that compiles, passes the conformance kit untouched, and has a
// recipe for releases.
//
//	err := scaffold.Write(scaffold.Config{Dir: "cortex-provider-acme", Name: "acme", Module: "example.com/acme/cortex-provider-acme"})
//
// What it writes is a provider for an HTTP API that does not exist; AUTHORING.md
// of package provider tells what to change.
package scaffold

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"
)

// Config says what to write.
type Config struct {
	// Dir is the directory to make. It must not exist, or be empty.
	Dir string
	// Name is the provider's name: letters a to z, digits and -, at most 64.
	Name string
	// Module is the Go module's path; empty is cortex-provider-NAME.
	Module string
	// Version is the version of Cortex Host's module to require; empty leaves
	// it to `go mod tidy`.
	Version string
	// Replace is the directory of a checkout of Cortex Host that takes the
	// place of its module, or empty.
	Replace string
}

//go:embed all:template
var files embed.FS

var validName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)

// data is what the templates see.
type data struct {
	Config
	// Env is the name as the beginning of an environment variable.
	Env string
}

// Write writes the module. On an error that is found before the first file is
// written, such as a directory that is not empty, nothing is changed.
func Write(cfg Config) error {
	if !validName.MatchString(cfg.Name) {
		return fmt.Errorf("the name %q: want letters a to z, digits and -, at most 64", cfg.Name)
	}
	if rest, ok := strings.CutPrefix(cfg.Name, "cortex-provider-"); ok {
		return fmt.Errorf("the name %q: the files get that prefix by themselves; the name is %q", cfg.Name, rest)
	}
	if cfg.Module == "" {
		cfg.Module = "cortex-provider-" + cfg.Name
	}
	entries, err := os.ReadDir(cfg.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s is not empty; name a new directory", cfg.Dir)
	}
	d := data{Config: cfg, Env: strings.ToUpper(strings.ReplaceAll(cfg.Name, "-", "_"))}
	if d.Env[0] >= '0' && d.Env[0] <= '9' {
		d.Env = "PROVIDER_" + d.Env // no shell exports a name that begins with a digit
	}
	return fs.WalkDir(files, "template", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel("template", path)
		if err != nil {
			return err
		}
		target := filepath.Join(cfg.Dir, strings.TrimSuffix(name, ".tmpl"))
		if entry.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		return write(path, target, d)
	})
}

func write(path, target string, d data) error {
	source, err := files.ReadFile(path)
	if err != nil {
		return err
	}
	// Square brackets: goreleaser's and JSON's braces stay as they are.
	t, err := template.New(path).Delims("[[", "]]").Option("missingkey=error").Parse(string(source))
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, d); err != nil {
		return err
	}
	return os.WriteFile(target, b.Bytes(), 0o644)
}
