package store

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Where memory cannot be executed, a file without a name holds the program.
func TestHoldUnlinked(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	var i Image
	hash := sha256.New()
	if err := i.holdUnlinked(strings.NewReader("#!/bin/sh\necho $0\n"), hash); err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("it has a name: %v, %v", entries, err)
	}
	held, err := io.ReadAll(i.File)
	if err != nil || fmt.Sprintf("%x", sha256.Sum256(held)) != fmt.Sprintf("%x", hash.Sum(nil)) || i.Interpreter != "/bin/sh" {
		t.Errorf("%q, %q, %v", held, i.Interpreter, err)
	}
	if _, err := i.File.WriteAt([]byte("x"), 0); err == nil {
		t.Error("it can be written to")
	}
}

// What the scaffold's recipe for releases makes is what an installation takes.
func TestScaffoldsRecipe(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "sdk", "provider", "scaffold", "template", ".goreleaser.yaml.tmpl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`name_template: "{{ .ProjectName }}_{{ .Version }}_{{ .Os }}_{{ .Arch }}"`, // as identity and splitPlatform read it
		`name_template: "{{ .ProjectName }}_{{ .Version }}_SHA256SUMS"`,            // as sumsFor looks for it
		"formats: [tar.gz]", "binary: cortex-provider-", "algorithm: sha256",
	} {
		if !strings.Contains(string(data), want) {
			t.Errorf("the recipe has changed: no %s", want)
		}
	}
}
