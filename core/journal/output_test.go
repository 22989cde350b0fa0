package journal

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestOutputIsNeverTakenAway(t *testing.T) {
	d := newSimDisk()
	r := create(t, d, Config{})
	cfg := r.cfg
	if _, err := Create(t.Context(), cfg, testPlan()); !errors.As(err, new(*ExistsError)) || !strings.Contains(err.Error(), r.ID()) {
		t.Errorf("a second run to the same file: %v", err)
	}
	force := testPlan()
	force.Output.Replace = true
	if _, err := Create(t.Context(), cfg, force); !errors.Is(err, ErrLocked) {
		t.Errorf("--force against a running run: %v", err)
	}
	_, err := ask(r, 0, 0, "answered")
	must(t, err)
	must(t, r.Close(""))

	discard := testPlan()
	discard.Output.Discard = true
	r, err = Create(t.Context(), cfg, discard)
	must(t, err)
	if runs, err := List(t.Context(), cfg); err != nil || len(runs) != 1 || runs[0].ID != r.ID() {
		t.Errorf("runs after --new-run: %v %v", runs, err)
	}
	f, err := d.Open(output, OpenNew) // somebody else is quicker
	must(t, err)
	f.Close()
	if _, err := r.Finish(t.Context()); !errors.As(err, new(*ExistsError)) {
		t.Errorf("Finish over another's file: %v", err)
	}
	must(t, r.Close(""))
	must(t, d.Remove(output))
	r, err = Resume(t.Context(), cfg, r.ID(), testPlan(), all())
	must(t, err)
	_, err = ask(r, 0, 1, "answered")
	must(t, err)
	_, err = r.Finish(t.Context())
	must(t, err)
	if _, err := Create(t.Context(), cfg, testPlan()); !errors.As(err, new(*ExistsError)) {
		t.Errorf("a run to a finished file: %v", err)
	}
}

// The final file gets its name by a rename, which must not be the end of a
// device, a pipe or a link. That is found out before anything is asked.
func TestOutputOverWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	paths := map[string]string{"pipe": filepath.Join(dir, "pipe"), "link": filepath.Join(dir, "link"), "directory": dir, "device": os.DevNull}
	must(t, syscall.Mkfifo(paths["pipe"], 0o600))
	must(t, os.Symlink("nowhere", paths["link"]))
	for what, path := range paths {
		for _, output := range []Output{{Path: path, Replace: true}, {Path: path}, {Path: filepath.Join(dir, "out"), ErrorPath: path, Replace: true}} {
			if _, err := Create(t.Context(), Config{Dir: filepath.Join(dir, "runs")}, Plan{Output: output}); !errors.Is(err, ErrNoFile) {
				t.Errorf("%s: %+v: %v", what, output, err)
			}
		}
	}
	// A name that no file can have is not one that is taken.
	long := Plan{Output: Output{Path: filepath.Join(dir, strings.Repeat("x", 300))}}
	if _, err := Create(t.Context(), Config{Dir: filepath.Join(dir, "runs")}, long); !errors.Is(err, syscall.ENAMETOOLONG) {
		t.Errorf("a name that is too long: %v", err)
	}
	// Nor are rows written to where somebody's link leads.
	out := filepath.Join(dir, "other")
	must(t, os.Symlink("victim", out+".partial"))
	if _, err := Create(t.Context(), Config{Dir: filepath.Join(dir, "runs")}, Plan{Output: Output{Path: out, Replace: true}}); !errors.Is(err, ErrNoFile) {
		t.Errorf("a link in place of the partial file: %v", err)
	}
}

// A file of errors that is another run's output does not cost that run a row.
func TestErrorsWhereAnotherRunHasItsAnswers(t *testing.T) {
	d := newSimDisk()
	other := interrupted(t, d, 3)
	cfg := other.cfg
	r, err := Create(t.Context(), cfg, Plan{Output: Output{Path: "/data/mine", ErrorPath: output}})
	must(t, err)
	_, err = ask(r, 0, 0, "failed")
	must(t, err)
	_, err = r.Finish(t.Context())
	must(t, err)
	if rows := rowsOf(t, content(t, d, output+".partial")); len(rows) != 3 {
		t.Errorf("of the other run's answers %d are left", len(rows))
	}
	if _, err := Resume(t.Context(), cfg, other.ID(), testPlan(), all()); !errors.As(err, new(*ExistsError)) {
		t.Errorf("the other run: %v", err)
	}
}

func TestFilesBelongToTheirOwner(t *testing.T) {
	dir := t.TempDir()
	r, err := Create(t.Context(), Config{Dir: filepath.Join(dir, "runs")}, Plan{Output: Output{Path: filepath.Join(dir, "out.ndjson")}})
	must(t, err)
	_, err = ask(r, 0, 0, "answered")
	must(t, err)
	_, err = r.Finish(t.Context())
	must(t, err)
	must(t, filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if info.Mode().IsRegular() && info.Mode().Perm() != 0o600 || info.IsDir() && path != dir && info.Mode().Perm() != 0o700 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	}))
}

func gunzip(t testing.TB, packed string) string {
	t.Helper()
	z, err := gzip.NewReader(strings.NewReader(packed))
	must(t, err)
	plain, err := io.ReadAll(z)
	must(t, err)
	return string(plain)
}

type gzipCodec struct{}

func (gzipCodec) NewWriter(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil }

func (gzipCodec) NewReader(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }

// Compressed, with a header, and failures in a file of their own; finished,
// resumed for the failures, finished again.
func TestCodedOutputWithErrorsApart(t *testing.T) {
	d := newSimDisk()
	plan := Plan{Output: Output{Path: "/data/out.gz", ErrorPath: "/data/errors", Header: []byte(`{"i":-1}` + "\n"), Codec: gzipCodec{}}}
	must(t, d.MkdirAll("/data"))
	cfg := Config{Dir: "/state/runs", Disk: d}
	r, err := Create(t.Context(), cfg, plan)
	must(t, err)
	rows := func(path string) map[int64]testRow {
		text := content(t, d, path)
		if strings.HasSuffix(path, ".gz") {
			text = gunzip(t, text)
		}
		return rowsOf(t, text)
	}
	for i, how := range []string{"answered", "failed", "degraded", "failed"} {
		_, err := ask(r, int64(i), 0, how)
		must(t, err)
	}
	out, err := r.Finish(t.Context())
	must(t, err)
	if got, failed := rows(out.Path), rows(out.ErrorPath); len(got) != 3 || len(failed) != 2 || failed[1].How != "failed" || got[2].How != "degraded" {
		t.Errorf("out %v, errors %v", got, failed)
	}
	for n, how := range []string{"failed", "answered"} {
		r, err := Resume(t.Context(), cfg, r.ID(), plan, all())
		must(t, err)
		for i := range int64(4) {
			_, err := ask(r, i, n+1, how)
			must(t, err)
		}
		_, err = r.Finish(t.Context())
		must(t, err)
	}
	if got := rows("/data/out.gz"); len(got) != 5 || got[3].Session != 2 {
		t.Errorf("at the end: %v", got)
	}
	names, _ := d.ReadDir("/data")
	if fmt.Sprint(names) != "[out.gz]" {
		t.Errorf("left behind: %v", names)
	}
}
