package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A release of this platform, made twice in different places with another
// umask, has the same bytes; what is in it works.
func TestTheSameSourceGivesTheSameBytes(t *testing.T) {
	if os.Getenv("RELEASE_TEST") == "" {
		t.Skip("SKIPPED: it builds everything twice, which takes minutes; make release-check does it")
	}
	platform := goEnv(t, "GOOS") + "/" + goEnv(t, "GOARCH")
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	var dirs [2]string
	for i := range dirs {
		dirs[i] = filepath.Join(t.TempDir(), strings.Repeat("deep/", i), "dist")
		r := &release{source: "../../..", version: "v0.0.0-test"}
		if err := r.make(context.Background(), dirs[i], []string{platform}, io.Discard); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(dirs[0])
	if err != nil || len(entries) != 3 {
		t.Fatalf("%d files: %v", len(entries), err)
	}
	for _, e := range entries {
		a, b := read(t, filepath.Join(dirs[0], e.Name())), read(t, filepath.Join(dirs[1], e.Name()))
		if !bytes.Equal(a, b) {
			t.Errorf("%s differs: %d and %d bytes", e.Name(), len(a), len(b))
		}
		if dir, err := os.Getwd(); err != nil || bytes.Contains(a, []byte(dir)) {
			t.Errorf("%s has a path of this machine in it", e.Name())
		}
	}
	sums := exec.Command("sha256sum", "-c", "SHA256SUMS")
	sums.Dir = dirs[0]
	if out, err := sums.CombinedOutput(); err != nil && !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("sha256sum -c: %v\n%s", err, out)
	}
	checkBill(t, dirs[0])
	host := unpack(t, dirs[0])
	if out, err := exec.Command(host, "version").CombinedOutput(); err != nil || !strings.HasPrefix(string(out), "cortex-host v0.0.0-test ") {
		t.Errorf("version: %v\n%s", err, out)
	}
	cmd := exec.Command(host, "run", "package", "bash", "--provider", "simulator")
	cmd.Env = []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), `"query_id":"pkg_bash"`) {
		t.Errorf("run: %v\n%s", err, out)
	}
}

// checkBill looks whether the bill names what everybody knows to be in there.
func checkBill(t *testing.T, dir string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.cdx.json"))
	if err != nil || len(paths) != 1 {
		t.Fatalf("%q: %v", paths, err)
	}
	var b bill
	if err := json.Unmarshal(read(t, paths[0]), &b); err != nil {
		t.Fatal(err)
	}
	refs := map[string]component{}
	for _, c := range b.Components {
		if _, twice := refs[c.Ref]; twice {
			t.Errorf("%s is there twice", c.Ref)
		}
		refs[c.Ref] = c
	}
	for _, want := range []string{"file:cortex-host", "file:plugins/cortex-provider-openai", "file:generators/package.wasm", "file:README.md"} {
		if len(refs[want].Hashes) != 1 {
			t.Errorf("the bill says nothing of %s", want)
		}
	}
	linked := 0
	for _, d := range b.Dependencies {
		for _, ref := range d.DependsOn {
			if _, ok := refs[ref]; !ok {
				t.Errorf("%s depends on %s, which is no component", d.Ref, ref)
			}
			if d.Ref == "file:cortex-host" && strings.HasPrefix(ref, "pkg:golang/github.com/tetratelabs/wazero@v") {
				linked++
			}
		}
	}
	if linked != 1 {
		t.Error("the host is not said to depend on wazero")
	}
}

// unpack unpacks the archive and returns the path of the host in it.
func unpack(t *testing.T, dir string) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.tar.gz"))
	if err != nil || len(paths) != 1 {
		t.Fatalf("%q: %v", paths, err)
	}
	zipped, err := gzip.NewReader(bytes.NewReader(read(t, paths[0])))
	if err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	host := ""
	for packed := tar.NewReader(zipped); ; {
		h, err := packed.Next()
		if errors.Is(err, io.EOF) {
			return host
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Uname != "" || !h.ModTime.Equal(time.Unix(1700000000, 0)) || !filepath.IsLocal(h.Name) {
			t.Errorf("%s: %+v", h.Name, h)
		}
		path := filepath.Join(to, h.Name)
		if filepath.Base(path) == "cortex-host" {
			host = path
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(packed)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, os.FileMode(h.Mode)); err != nil {
			t.Fatal(err)
		}
	}
}

// A directory is packed to the same bytes whatever the machine says of its files.
func TestArchivesHoldNothingOfTheMachine(t *testing.T) {
	at := time.Unix(1700000000, 0).UTC()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var archives, bills [2][]byte
	for i := range archives {
		dir := t.TempDir()
		for _, file := range [][]string{{"plugins/cortex-provider-x", "README.md"}, {"README.md", "plugins/cortex-provider-x"}}[i] {
			path := filepath.Join(dir, file)
			if err := os.MkdirAll(filepath.Dir(path), []os.FileMode{0o755, 0o700}[i]); err != nil {
				t.Fatal(err)
			}
			data := []byte("# read me\n")
			if program(file) {
				data = read(t, self)
			}
			if err := os.WriteFile(path, data, []os.FileMode{0o644, 0o600}[i]); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(path, time.Now(), time.Unix(int64(i), 0)); err != nil {
				t.Fatal(err)
			}
		}
		packed := filepath.Join(t.TempDir(), "a.tar.gz")
		if err := archive(packed, dir, "name-1", at); err != nil {
			t.Fatal(err)
		}
		archives[i] = read(t, packed)
		if bills[i], err = billOf(dir, "name-1", "v1", at); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(archives[0], archives[1]) || !bytes.Equal(bills[0], bills[1]) {
		t.Error("the same files gave different bytes")
	}
	var b bill
	if err := json.Unmarshal(bills[0], &b); err != nil {
		t.Fatal(err)
	}
	if b.Format != "CycloneDX" || b.Metadata.Timestamp != "2023-11-14T22:13:20Z" || len(b.Components) < 3 || b.Components[0].Ref != "file:README.md" ||
		b.Components[1].Type != "application" || !strings.HasPrefix(b.Components[2].PURL, "pkg:golang/") {
		t.Errorf("%s", bills[0])
	}
}

func TestWrongCommandLines(t *testing.T) {
	var said bytes.Buffer
	if code := run([]string{"-nonsense"}, &said); code != 2 {
		t.Errorf("exit code %d", code)
	}
	t.Setenv("SOURCE_DATE_EPOCH", "yesterday")
	if code := run([]string{"-version", "v1", "-source", "../../..", "-out", t.TempDir()}, &said); code != 1 || !strings.Contains(said.String(), "SOURCE_DATE_EPOCH must be seconds") {
		t.Errorf("exit code %d: %s", code, said.String())
	}
	t.Setenv("SOURCE_DATE_EPOCH", "1")
	if code := run([]string{"-version", "v1", "-source", t.TempDir()}, &said); code != 1 || !strings.Contains(said.String(), "-source must name") {
		t.Errorf("exit code %d: %s", code, said.String())
	}
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
