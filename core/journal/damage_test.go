package journal

import (
	"compress/flate"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// interrupted leaves a run with n answered queries and returns it closed.
func interrupted(t testing.TB, d Disk, n int64) *Run {
	t.Helper()
	r := create(t, d, Config{Sync: SyncAlways})
	for i := range n {
		_, err := ask(r, i, 0, "answered")
		must(t, err)
	}
	must(t, r.Close("test"))
	return r
}

func TestATornEndIsCutWithANote(t *testing.T) {
	d := newSimDisk()
	r := interrupted(t, d, 3)
	for _, path := range []string{r.cfg.journalPath(r.ID()), output + ".partial"} {
		f, err := d.Open(path, OpenWrite)
		must(t, err)
		size, _ := f.Size()
		_, err = f.WriteAt([]byte("\x20\x00\x00\x00torn"), size)
		must(t, err)
	}
	again, err := Resume(t.Context(), r.cfg, r.ID(), testPlan(), all())
	must(t, err)
	defer again.Close("")
	notes := strings.Join(again.Notes(), "\n")
	if !strings.Contains(notes, "the last 8 bytes of the journal were torn") || !strings.Contains(notes, "8 bytes behind the last recorded row") {
		t.Errorf("notes: %s", notes)
	}
	if n := len(rowsOf(t, content(t, d, output+".partial"))); n != 3 || again.Before().Answered != 3 {
		t.Errorf("%d rows", n)
	}
}

// Damage that no crash explains is refused, not read as a short journal: else
// answers would be paid for twice.
func TestDamageIsRefused(t *testing.T) {
	d := newSimDisk()
	r := interrupted(t, d, 5)
	path := r.cfg.journalPath(r.ID())
	flip := func(path string, at int64) {
		f, err := d.Open(path, OpenWrite)
		must(t, err)
		var b [1]byte
		_, _ = f.ReadAt(b[:], at)
		b[0] ^= 0x40
		_, err = f.WriteAt(b[:], at)
		must(t, err)
	}
	size := int64(len(content(t, d, path)))
	for at := range size {
		flip(path, at)
		again, err := Resume(t.Context(), r.cfg, r.ID(), testPlan(), all())
		if err == nil {
			if before := again.Before().Answered; before < 4 {
				t.Errorf("byte %d of %d damaged: resumed with %d answers of 5", at, size, before)
			}
			again.closeFiles()
			again.log.halt()
			t.Logf("byte %d is in the torn end", at)
			for _, l := range again.locks {
				l.Close()
			}
			flip(path, at)
			break
		}
		flip(path, at)
	}

	rows := int64(len(content(t, d, output+".partial"))) / 2 // there is a mark behind them
	for at := range rows {
		flip(output+".partial", at)
		if _, err := Resume(t.Context(), r.cfg, r.ID(), testPlan(), all()); !errors.As(err, new(*CorruptError)) {
			t.Fatalf("byte %d of %d of the partial file damaged: %v", at, rows, err)
		}
		flip(output+".partial", at)
	}
	f, err := d.Open(output+".partial", OpenWrite)
	must(t, err)
	must(t, f.Truncate(10))
	if _, err := Resume(t.Context(), r.cfg, r.ID(), testPlan(), all()); !errors.As(err, new(*CorruptError)) {
		t.Errorf("a partial file that lost its end: %v", err)
	}
	must(t, d.Remove(output+".partial"))
	if _, err := Resume(t.Context(), r.cfg, r.ID(), testPlan(), all()); !errors.As(err, new(*CorruptError)) {
		t.Errorf("a partial file that is gone: %v", err)
	}
}

// A run whose journal is damaged is still one that writes to its file: nobody is
// told that there is none.
func TestADamagedRunIsListed(t *testing.T) {
	d := newSimDisk()
	r := interrupted(t, d, 5)
	must(t, d.Remove(r.cfg.statusPath(r.ID())))
	f, err := d.Open(r.cfg.journalPath(r.ID()), OpenWrite)
	must(t, err)
	size, _ := f.Size()
	_, err = f.WriteAt([]byte("XXXX"), size/2)
	must(t, err)
	list, err := List(t.Context(), r.cfg)
	if err != nil || len(list) != 1 || list[0].State != StateUnreadable || !strings.Contains(list[0].Reason, "is damaged at byte") || list[0].Bytes != size {
		t.Errorf("the list: %+v, %v", list, err)
	}
	info, err := Find(t.Context(), r.cfg, output)
	if err != nil || info.ID != r.ID() || info.Plan.Output.Path != output {
		t.Errorf("the run that writes to %s: %+v, %v", output, info, err)
	}
	if _, err := Create(t.Context(), r.cfg, testPlan()); !errors.As(err, new(*ExistsError)) || !strings.Contains(err.Error(), r.ID()) {
		t.Errorf("a new run to the same file: %v", err)
	}
	anew := testPlan()
	anew.Output.Discard = true
	again, err := Create(t.Context(), r.cfg, anew)
	must(t, err)
	defer again.Close("")
	if list, err := List(t.Context(), r.cfg); err != nil || len(list) != 1 {
		t.Errorf("after --new-run: %+v, %v", list, err)
	}
}

func TestAnotherVersionIsRefusedByName(t *testing.T) {
	d := newSimDisk()
	r := interrupted(t, d, 1)
	f, err := d.Open(r.cfg.journalPath(r.ID()), OpenWrite)
	must(t, err)
	_, err = f.WriteAt([]byte{9}, 8)
	must(t, err)
	if _, err := Resume(t.Context(), r.cfg, r.ID(), testPlan(), all()); err == nil || !strings.Contains(err.Error(), "has format 9, this program reads format 1") {
		t.Errorf("format 9: %v", err)
	}
}

func TestReadOnlyAndVanished(t *testing.T) {
	d := newSimDisk()
	must(t, d.MkdirAll("/data"))
	d.readOnly = true
	if _, err := Create(t.Context(), Config{Dir: "/state/runs", Disk: d}, testPlan()); !errors.Is(err, syscall.EROFS) {
		t.Errorf("a read-only disk: %v", err)
	}

	// A real directory, removed while the run goes on.
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	must(t, os.Mkdir(data, 0o700))
	plan := Plan{Output: Output{Path: filepath.Join(data, "out.ndjson")}}
	r, err := Create(t.Context(), Config{Dir: filepath.Join(dir, "runs")}, plan)
	must(t, err)
	defer r.Close("test")
	_, err = ask(r, 0, 0, "answered")
	must(t, err)
	must(t, os.RemoveAll(data))
	deadline := time.Now().Add(10 * time.Second)
	for i := int64(1); ; i++ {
		if _, err := ask(r, i, 0, "answered"); err != nil {
			if !strings.Contains(err.Error(), "was removed while the run was writing to it") {
				t.Errorf("after the directory was removed: %v", err)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the run goes on into a file that is gone")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// A finished file that somebody has edited is told before anything more is
// asked: else the answers that follow could never be added to it.
func TestAnEditedFinalFileIsTold(t *testing.T) {
	for name, codec := range map[string]Codec{"plain": nil, "packed": storedCodec{}} {
		t.Run(name, func(t *testing.T) {
			d := newSimDisk()
			must(t, d.MkdirAll("/data"))
			cfg, plan := Config{Dir: "/state/runs", Disk: d}, testPlan()
			plan.Output.Codec, plan.Output.Header, plan.Limit = codec, []byte(`{"i":-1}`+"\n"), 3
			r, err := Create(t.Context(), cfg, plan)
			must(t, err)
			for i, how := range []string{"answered", "answered", "failed"} {
				_, err := ask(r, int64(i), 0, how)
				must(t, err)
			}
			_, err = r.Finish(t.Context())
			must(t, err)
			text := content(t, d, output)
			edit := func(was, now string) {
				f, err := d.Open(output, OpenWrite)
				must(t, err)
				_, err = f.WriteAt([]byte(strings.Replace(text, was, now, 1)), 0)
				must(t, err)
			}
			resume := func(limit int64, again Again) (*Run, error) {
				plan := plan
				plan.Limit = limit
				return Resume(t.Context(), cfg, r.ID(), plan, again)
			}
			for was, now := range map[string]string{`"session":0`: `"session":7`, `{"i":-1}`: `{"i":-2}`} {
				edit(was, now)
				for limit, again := range map[int64]Again{3: {Failed: true}, 4: {Pending: true}} {
					if _, err := resume(limit, again); err == nil || !strings.Contains(err.Error(), output+" has changed since run "+r.ID()) {
						t.Errorf("%s for %s, limit %d: %v", now, was, limit, err)
					}
					if exists(d, output+".partial") {
						t.Error("the copy was left behind")
					}
				}
				if _, err := resume(3, Again{Pending: true}); !errors.Is(err, ErrComplete) {
					t.Errorf("nothing is to be asked: %v", err)
				}
			}
			edit("", "")
			again, err := resume(3, all())
			must(t, err)
			must(t, again.Close("test"))
		})
	}
}

// A storedCodec packs without a checksum of its own.
type storedCodec struct{}

func (storedCodec) NewWriter(w io.Writer) (io.WriteCloser, error) {
	return flate.NewWriter(w, flate.NoCompression)
}

func (storedCodec) NewReader(r io.Reader) (io.ReadCloser, error) { return flate.NewReader(r), nil }
