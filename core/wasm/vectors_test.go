package wasm_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/cortexlinux/cortex-host/core/wasm"
)

var update = flag.Bool("update", false, "write the vectors of testdata/generator anew")

const vectors = "../../testdata/generator/"

// The vectors for the package generator are what this host gives and takes.
func TestPackageVectors(t *testing.T) {
	facts, _ := vectorFacts{}.Packages(context.Background(), nil)
	m := goGenerator(t, "package")
	in := wasm.HeaderRecord(t, newRunner(t, wasm.Config{Facts: vectorFacts{}}), m)
	for _, item := range packageVectors {
		in = append(in, wasm.InputRecord(item, facts)...)
	}
	_, records := digest(t, m, packageVectors...)
	golden(t, "package.in.ndjson", in)
	golden(t, "package.out.ndjson", []byte(strings.Join(records, "\n")+"\n"))
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(vectors+name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(vectors + name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what this host makes; if the change is meant, run the test with -update", name)
	}
}

// A Go generator is a program like any other: outside of the host it does the
// same.
func TestGeneratorRunsOutsideOfTheHost(t *testing.T) {
	program := filepath.Join(t.TempDir(), "package")
	if out, err := exec.Command("go", "build", "-o", program, "../../wasm-generators/package").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	in, err := os.Open(vectors + "package.in.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	cmd := exec.Command(program)
	cmd.Stdin = in
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	for line := range bytes.Lines(out) {
		canonical, err := wasm.Canonical(line)
		if err != nil {
			t.Fatal(err)
		}
		got = append(append(got, canonical...), '\n')
	}
	golden(t, "package.out.ndjson", got)
}

// The vectors of records are taken and refused by this host.
func TestRecordVectors(t *testing.T) {
	valid, err := os.ReadFile(vectors + "records-valid.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := wasm.JudgeRecords(bytes.Split(bytes.TrimSuffix(valid, []byte("\n")), []byte("\n"))); err != nil {
		t.Errorf("valid record %d is refused: %v", n+1, err)
	}
	invalid, err := os.ReadFile(vectors + "records-invalid.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range bytes.Split(bytes.TrimSuffix(invalid, []byte("\n")), []byte("\n")) {
		if _, err := wasm.JudgeRecords([][]byte{line}); err == nil {
			t.Errorf("invalid record %d is taken: %s", i+1, line)
		}
	}
}

// vectorLines calls f with each line of a file of vectors.
func vectorLines[T any](t *testing.T, name string, f func(line int, vector T)) {
	t.Helper()
	data, err := os.ReadFile(vectors + name)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range bytes.Split(bytes.TrimSuffix(data, []byte("\n")), []byte("\n")) {
		var v T
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatalf("%s:%d: %v", name, i+1, err)
		}
		f(i+1, v)
	}
}

func TestCanonicalVectors(t *testing.T) {
	vectorLines(t, "canonical.ndjson", func(line int, v struct{ Text, Canonical string }) {
		for _, text := range []string{v.Text, v.Canonical} { // what is canonical stays as it is
			if got, err := wasm.Canonical([]byte(text)); err != nil || string(got) != v.Canonical {
				t.Errorf("line %d: %s: %s (%v), want %s", line, text, got, err, v.Canonical)
			}
		}
	})
}

func TestManifestVectors(t *testing.T) {
	vectorLines(t, "manifests.ndjson", func(line int, v struct {
		Valid    bool
		Names    string
		Manifest json.RawMessage
	}) {
		_, err := wasm.ParseManifest(v.Manifest)
		if v.Valid != (err == nil) {
			t.Errorf("line %d: %v", line, err)
		} else if err != nil && !strings.Contains(err.Error(), v.Names) {
			t.Errorf("line %d: %v does not name %s", line, err, v.Names)
		}
	})
}

func TestParamVectors(t *testing.T) {
	vectorLines(t, "params.ndjson", func(line int, v struct {
		Schema, Presets json.RawMessage
		Preset, Names   string
		Given, Params   map[string]json.RawMessage
	}) {
		manifest := fmt.Sprintf(`{"abi":1,"kind":"generator","name":"p","version":"1.0.0","summary":"x","params":%s,"presets":%s}`, v.Schema, v.Presets)
		m, err := wasm.Parse("p", guest{manifest: manifest, bodies: [][]byte{nil}}.build())
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.Params(v.Preset, v.Given)
		if v.Names != "" {
			if err == nil || !strings.Contains(err.Error(), strconv.Quote(v.Names)) {
				t.Errorf("line %d: %v does not name %q", line, err, v.Names)
			}
			return
		}
		want, _ := json.Marshal(v.Params)
		raw, _ := json.Marshal(got)
		if err != nil || !bytes.Equal(raw, want) {
			t.Errorf("line %d: %s (%v), want %s", line, raw, err, want)
		}
	})
}

// The smallest module is packed to the byte, and runs.
func TestMinimalModule(t *testing.T) {
	manifest, err := os.ReadFile(vectors + "minimal.json")
	if err != nil {
		t.Fatal(err)
	}
	module := guest{data: []byte(goodQuery), bodies: [][]byte{write}}.build()
	packed, err := wasm.Pack(module, manifest)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "minimal.wasm", packed)
	m, err := wasm.Open(vectors + "minimal.wasm")
	if err != nil {
		t.Fatal(err)
	}
	queries, _, err := collect(newRunner(t, wasm.Config{}), m, wasm.Request{Items: wasm.Texts("one")})
	if err != nil || len(queries) != 1 || m.Name() != "minimal" {
		t.Errorf("%v, %v", queries, err)
	}
}
