package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"time"
)

// Resume continues a run that was interrupted, or one that was finished with
// failures. The plan must be the one that it was created with, except for what
// is free to change; a difference is a [*ChangedError].
//
// Resume opens whatever state a crash or a power loss has left, and says in
// [Run.Notes] what it had to cut. A run of which nothing is left to ask again
// is [ErrComplete]. One that was finished under a limit goes on under a higher
// one.
func Resume(ctx context.Context, cfg Config, id string, plan Plan, again Again) (*Run, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if again == (Again{}) {
		return nil, errors.New("journal: Again is empty: say which queries to ask")
	}
	if err := plan.prepare(); err != nil {
		return nil, err
	}
	if !validID(id) {
		return nil, fmt.Errorf("run %q: %w", id, ErrNoRun)
	}
	r := newRun(cfg, id, plan, again)
	if err := r.resume(ctx); err != nil {
		r.closeFiles()
		return nil, err
	}
	return r, nil
}

func (r *Run) resume(ctx context.Context) error {
	path := r.cfg.journalPath(r.id)
	var err error
	if r.journal, err = r.cfg.Disk.Open(path, OpenWrite); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("run %s: %w", r.id, ErrNoRun)
	} else if err != nil {
		return err
	}
	if err := r.lock(path); err != nil {
		return err
	}
	h, err := replay(ctx, r.journal, path, r.rowsOf)
	if err != nil {
		return err
	}
	if h.session+1 > maxSessions {
		return fmt.Errorf("run %s was resumed %d times, which is the most: start anew with --new-run", r.id, maxSessions)
	}
	r.ledger, r.created = h.ledger, h.plan.Created
	r.replace, r.replaceErrors = r.plan.Output.Replace || h.everDone, r.plan.Output.Replace || h.everFinishing
	if h.finished != nil {
		err = r.reopen(ctx, h)
	} else if err = r.unclaimed(); err == nil {
		err = r.recover(h)
	}
	if err != nil {
		return err
	}
	return r.begin(h)
}

// rowsOf compares the plan and finds the partial file of the run.
func (r *Run) rowsOf(h *history) (io.ReaderAt, error) {
	was := &h.plan.Plan
	if list := differences(was.settings(), r.plan.settings()); len(list) > 0 {
		return nil, &ChangedError{Run: r.id, Differences: list}
	}
	if !bytes.Equal(was.Output.Header, r.plan.Output.Header) {
		return nil, &ChangedError{Run: r.id, Differences: []Difference{{"header of the output", string(was.Output.Header), string(r.plan.Output.Header)}}}
	}
	if h.finished == nil && h.finishing != nil && !exists(r.cfg.Disk, r.plan.Output.unnamed()) && r.finalSize() == h.finishing.Size {
		// Killed between the rename and its record.
		h.finished, h.everDone = h.finishing, true
	}
	if h.finished != nil {
		return nil, nil
	}
	partial := r.plan.Output.Partial()
	f, err := r.cfg.Disk.Open(partial, OpenRead)
	switch {
	case err == nil:
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	case h.rows > 0:
		return nil, &CorruptError{Path: partial, What: "the file is gone, and with it the answers of the run"}
	default:
		return bytes.NewReader(nil), nil
	}
	size, err := f.Size()
	if err == nil && size < h.marked {
		err = &CorruptError{Path: partial, Offset: size, What: fmt.Sprintf("it ends here, but %d bytes were on the disk", h.marked)}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	r.partial = f
	return f, nil
}

// unclaimed makes sure that the final files can still get their names, before
// more is paid for what is to be in them.
func (r *Run) unclaimed() error {
	o := &r.plan.Output
	for path, replace := range map[string]bool{o.Path: r.replace, o.ErrorPath: r.replaceErrors} {
		if path != "" && !replace && exists(r.cfg.Disk, path) {
			return fmt.Errorf("run %s was not finished, and somebody else has made its file: %w", r.id, &ExistsError{Path: path})
		}
	}
	return nil
}

// settings are the fields that may not change, those of the output among them.
func (p *Plan) settings() []Field {
	coded := ""
	if p.Output.Coded {
		coded = "yes"
	}
	known := ""
	if p.ByID {
		known = "id"
	}
	return append([]Field{{"queries known by", known}, {"output", p.Output.Path}, {"output of errors", p.Output.ErrorPath}, {"compressed output", coded}}, p.Fixed...)
}

// finalSize returns the size of the final file, -1 if there is none.
func (r *Run) finalSize() int64 {
	f, err := r.cfg.Disk.Open(r.plan.Output.Path, OpenRead)
	if err != nil {
		return -1
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return -1
	}
	return size
}

// recover cuts the partial file of an interrupted run to its last good row.
func (r *Run) recover(h *history) error {
	header := r.plan.Output.Header
	missing := len(header) > 0
	if r.partial != nil {
		size, err := r.partial.Size()
		if err != nil {
			return err
		}
		if h.finishing == nil && size > h.partial {
			r.note("%d bytes behind the last recorded row were cut off %s", size-h.partial, r.plan.Output.Partial())
		}
		if missing {
			if missing, err = r.lacksHeader(h); err != nil {
				return err
			}
		}
		if err := r.partial.Close(); err != nil {
			return err
		}
		r.partial = nil
	}
	if missing { // lost before the first row, or never written
		return r.openPartial(0, header)
	}
	return r.openPartial(h.partial, nil) // and never less: what is durable stays so
}

// lacksHeader reports whether the partial file, which has no row yet, does not
// begin as it should.
func (r *Run) lacksHeader(h *history) (bool, error) {
	header := r.plan.Output.Header
	start := make([]byte, len(header))
	if _, err := r.partial.ReadAt(start, 0); err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	switch {
	case bytes.Equal(start, header):
		return false, nil
	case h.partial > int64(len(header)): // it was durable before the first row was written
		return false, &CorruptError{Path: r.plan.Output.Partial(), What: "its header has changed"}
	}
	return true, nil
}

// begin starts the new session in both files.
func (r *Run) begin(h *history) error {
	if h.torn > 0 {
		r.note("the last %d bytes of the journal were torn by a crash and cut off", h.torn)
		if err := r.journal.Truncate(h.end); err != nil {
			return err
		}
	}
	at := h.end
	var records []byte
	h.nextSession()
	r.resend, r.before = h.cutOff(), h.totals.clone()
	r.noteLanes(h)
	r.noteResends(h)
	for _, rec := range []record{cutRecord(h.partial), r.sessionRecord(time.Now())} {
		records = appendFramed(records, h.salt, at, rec)
	}
	if err := writeAll(r.journal, records, at); err != nil {
		return err
	}
	if err := reserve(r.journal, at+int64(len(records)), r.cfg.Reserve); err != nil {
		return err
	}
	if err := r.journal.Sync(); err != nil {
		return err
	}
	end := at + int64(len(records))
	r.log = newLog(r.journal, r.partial, h.salt, end, h.partial, r.cfg.Sync, r.present)
	_, err := r.log.append((&synced{Partial: h.partial, Journal: end}).append)
	return err
}

func (r *Run) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

// noteLanes tells where the same name asks somebody else than when a query was
// last asked.
func (r *Run) noteLanes(h *history) {
	told := map[Difference]bool{} // lanes that differ in their key alone say the same
	for i := range r.plan.Origin.Lanes {
		l := &r.plan.Origin.Lanes[i]
		for j := range h.asked {
			if h.asked[j].Name != l.Name {
				continue
			}
			for _, d := range l.changed(&h.asked[j]) {
				if !told[d] {
					told[d] = true
					r.note("%s of %s was %s, is now %s: the file will have answers of both (--new-run begins anew)", d.Name, l.Name, show(d.Was), show(d.Now))
				}
			}
		}
	}
}

// noteResends tells which queries may be paid for twice.
func (r *Run) noteResends(h *history) {
	if h.voided > 0 {
		r.note("%d answers had not reached the disk when the machine stopped; they are lost and asked again", h.voided)
	}
	if len(r.resend) == 0 {
		return
	}
	const shown = 10
	ids := make([]string, 0, shown)
	for _, o := range r.resend[:min(shown, len(r.resend))] {
		ids = append(ids, fmt.Sprintf("%q", o.ID))
	}
	more := ""
	if n := len(r.resend) - shown; n > 0 {
		more = fmt.Sprintf(" and %d more (all: cortex-host runs trace %s)", n, r.id)
	}
	were := "1 query was in flight when the run stopped, so it"
	if n := len(r.resend); n > 1 {
		were = fmt.Sprintf("%d queries were in flight when the run stopped, so they", n)
	}
	r.note("%s may be billed twice if asked again: %s%s", were, strings.Join(ids, ", "), more)
}

// validID reports whether id can be the name of a run's directory.
func validID(id string) bool {
	return id != "" && id != "." && id != ".." && filepath.Base(id) == id
}
