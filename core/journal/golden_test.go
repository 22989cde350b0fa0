package journal

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/cortexlinux/cortex-host/sdk"
)

// A journal of format 1, as it was written when the format was new, is read to
// the same history for ever. CORTEX_UPDATE_GOLDEN=1 writes it anew, which is
// right only together with a new version.
func TestFormat1StaysReadable(t *testing.T) {
	d := newSimDisk()
	cfg := Config{Dir: "/state/runs", Disk: d, Reserve: -1}
	must(t, d.MkdirAll("/data"))
	journal, partial := filepath.Join("testdata", "format1", "journal"), filepath.Join("testdata", "format1", "partial")
	if os.Getenv("CORTEX_UPDATE_GOLDEN") != "" {
		r := create(t, d, cfg)
		for i, how := range []string{"answered", "failed", "degraded", "answered"} {
			_, err := ask(r, int64(i), 0, how)
			must(t, err)
		}
		must(t, r.log.sync())
		_, err := r.Admit(4, testQuery(4))
		must(t, err)
		must(t, start(r, 4))
		kill(r)
		must(t, os.MkdirAll(filepath.Dir(journal), 0o755))
		must(t, os.WriteFile(journal, []byte(content(t, d, r.cfg.journalPath(r.ID()))), 0o644))
		must(t, os.WriteFile(partial, []byte(content(t, d, output+".partial")), 0o644))
		must(t, d.Remove(output+".partial"))
	}
	must(t, d.MkdirAll(cfg.dir("golden")))
	for from, to := range map[string]string{journal: cfg.journalPath("golden"), partial: output + ".partial"} {
		data, err := os.ReadFile(from)
		must(t, err)
		f, err := d.Open(to, OpenNew)
		must(t, err)
		must(t, writeAll(f, data, 0))
	}
	r, err := Resume(t.Context(), cfg, "golden", testPlan(), all())
	must(t, err)
	before := r.Before()
	if before.Answered != 2 || before.Degraded != 1 || before.ByKind[sdk.InvalidRequest] != 1 || before.Attempts != 5 ||
		before.Spent != 2*sdk.USD || before.Usage.PromptTokens != 30 || len(r.Resends()) != 1 || r.Resends()[0].ID != "q4" {
		t.Errorf("before: %+v, re-sends %+v", before, r.Resends())
	}
	for i, want := range []bool{false, true, false, false, true} {
		if asked, err := ask(r, int64(i), 1, "answered"); asked != want || err != nil {
			t.Errorf("query %d asked: %v %v", i, asked, err)
		}
	}
	_, err = r.Finish(t.Context())
	must(t, err)
	if rows := rowsOf(t, content(t, d, output)); len(rows) != 5 {
		t.Errorf("rows: %v", rows)
	}
}
