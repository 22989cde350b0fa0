package wasm_test

import (
	"bytes"
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
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

func TestCanonical(t *testing.T) {
	for in, want := range map[string]string{
		`{"b":1.0,"a":[ 1e3 , -0, 1e21, 1e-7, 0.000001, 123456789012345680000 ]}`: `{"a":[1000,0,1e+21,1e-7,0.000001,123456789012345680000],"b":1}`,
		`"\u0008\u000c\u001f\u00e9\/<"`:                                           `"\b\f\u001fé/<"`,
		"{\"\u20ac\":1,\"\\r\":2,\"\U0001F600\":3,\"\uFB33\":4}":                  "{\"\\r\":2,\"\u20ac\":1,\"\U0001F600\":3,\"\uFB33\":4}",
		`[null,true,false,333333333.33333329,4.50,2e-3]`:                          `[null,true,false,333333333.3333333,4.5,0.002]`,
	} {
		got, err := wasm.Canonical([]byte(in))
		if err != nil || string(got) != want {
			t.Errorf("%s: %s (%v), want %s", in, got, err, want)
		}
	}
}
