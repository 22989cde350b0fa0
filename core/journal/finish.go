package journal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"
)

// An Outcome says where a finished run's rows are.
type Outcome struct {
	// Path is the final file, ErrorPath the one of errors: empty if the run
	// has none, or nothing failed.
	Path, ErrorPath string
	// Size and ErrorSize are their lengths in bytes.
	Size, ErrorSize int64
	Totals          Totals
}

// Finish writes the rows that were held back behind the others, gives the
// final file its name in one step and ends the run. If a query has no row yet it
// returns [ErrIncomplete], and the run can still be resumed: call Close.
func (r *Run) Finish(ctx context.Context) (Outcome, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return Outcome{}, errors.New("journal: Finish after the run has ended")
	}
	if err := r.complete(); err != nil {
		return Outcome{}, err
	}
	out, rec, err := r.assemble(ctx)
	if err != nil {
		return Outcome{}, fmt.Errorf("run %s: its answers are safe in %s, but the final file could not be made: %w (continue with: cortex-host resume %s)",
			r.id, r.plan.Output.Partial(), err, r.id)
	}
	r.ended = true
	_, err = r.log.append(jsonRecord{kindFinished, rec}.append)
	if r.plan.Output.Codec != nil {
		err = errors.Join(err, r.cfg.Disk.Remove(r.plan.Output.Partial()))
	}
	return out, r.release(StateFinished, "", err)
}

// complete requires that r.mu is held.
func (r *Run) complete() error {
	missing := int64(len(r.admitted)) + r.left + r.canceled
	switch {
	case missing > 0:
		return fmt.Errorf("run %s: %w: %d queries have no answer yet", r.id, ErrIncomplete, missing)
	case r.ledger.last >= r.next:
		return fmt.Errorf("run %s: %w: the input has %d queries now, but query %d was answered: the input has changed", r.id, ErrIncomplete, r.next, r.ledger.last+1)
	}
	return nil
}

// assemble makes the final files and gives them their names.
func (r *Run) assemble(ctx context.Context) (Outcome, finishRecord, error) {
	r.log.halt()
	if err := r.log.flush(); err != nil {
		return Outcome{}, finishRecord{}, err
	}
	o := &r.plan.Output
	out := Outcome{Path: o.Path, Totals: r.ledger.totals.clone()}
	rec := finishRecord{At: time.Now(), Rows: r.log.rows.end()}

	apart := func(c class) bool { return o.ErrorPath != "" && c.failed() }
	errorRows := ""
	if o.ErrorPath != "" && out.Totals.Failed > 0 {
		errorRows = o.unnamedErrors()
		size, err := writeFile(r.cfg.Disk, errorRows, func(w io.Writer) error { return r.heldRows(ctx, w, apart) })
		if err != nil {
			return out, rec, err
		}
		out.ErrorPath, out.ErrorSize, rec.Errors = o.ErrorPath, size, size
	}
	rows, size, err := r.writeRows(ctx, rec.Rows, func(c class) bool { return !apart(c) })
	if err != nil {
		return out, rec, err
	}
	out.Size, rec.Size = size, size

	// Should the power fail before this sync ends, the record may be there and
	// rows not. But then there was no rename either, and the partial file is
	// checked row by row.
	if _, err := r.log.append(jsonRecord{kindFinishing, rec}.append); err != nil {
		return out, rec, err
	}
	if err := r.log.sync(); err != nil {
		return out, rec, err
	}
	return out, rec, r.name(rows, errorRows)
}

// name renames the finished files, that of errors first: when the final file
// appears, all of the run is there.
func (r *Run) name(rows, errorRows string) error {
	d, o := r.cfg.Disk, &r.plan.Output
	if errorRows != "" {
		err := renameDurably(d, errorRows, o.ErrorPath, r.replaceErrors)
		if errors.Is(err, fs.ErrExist) {
			return &ExistsError{Path: o.ErrorPath}
		}
		if err != nil {
			return err
		}
		r.replaceErrors = true
	} else if o.ErrorPath != "" && r.replaceErrors {
		if err := removeDurably(d, o.ErrorPath); err != nil {
			return err
		}
	}
	err := renameDurably(d, rows, o.Path, r.replace)
	if errors.Is(err, fs.ErrExist) {
		return &ExistsError{Path: o.Path}
	}
	return err
}

// writeRows makes the file that is to become the final one: the partial file
// itself with the held rows behind, or a coded copy.
func (r *Run) writeRows(ctx context.Context, length int64, held func(class) bool) (name string, size int64, err error) {
	o := &r.plan.Output
	if o.Codec != nil {
		name = o.unnamed()
		size, err = writeFile(r.cfg.Disk, name, func(w io.Writer) error {
			coder, err := o.Codec.NewWriter(w)
			if err != nil {
				return err
			}
			_, err = io.Copy(coder, &ctxReader{ctx, io.NewSectionReader(r.partial, 0, length)})
			if err == nil {
				err = r.heldRows(ctx, coder, held)
			}
			return errors.Join(err, coder.Close())
		})
		return name, size, err
	}
	name = o.Partial()
	if t := &r.ledger.totals; t.Failed+t.Degraded == 0 {
		return name, length, nil // it is as it should be
	}
	size, err = fill(r.partial, length, func(w io.Writer) error { return r.heldRows(ctx, w, held) })
	return name, size, err
}

// writeFile makes a file, its content and its name durable, and returns its
// size.
func writeFile(d Disk, name string, write func(io.Writer) error) (int64, error) {
	f, err := d.Open(name, OpenCreate)
	if err != nil {
		return 0, err
	}
	size, err := fill(f, 0, write)
	if err := errors.Join(err, f.Close()); err != nil {
		return 0, err
	}
	return size, d.SyncDir(filepath.Dir(name))
}

// fill replaces what is behind offset at, durably, and returns the new size.
func fill(f File, at int64, write func(io.Writer) error) (int64, error) {
	if err := f.Truncate(at); err != nil {
		return 0, err
	}
	to := &offsetWriter{f: f, at: at}
	w := bufio.NewWriterSize(to, flushBytes)
	err := write(w)
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		_ = f.Truncate(at) // nobody shall meet half a row; if even this fails, the next opening cuts
		return 0, err
	}
	return to.at, f.Sync()
}

// heldRows writes the rows that the journal has held and no later session has
// replaced.
func (r *Run) heldRows(ctx context.Context, w io.Writer, want func(class) bool) error {
	s, err := newScanner(r.journal, r.log.salt)
	if err != nil {
		return err
	}
	session := -1
	for {
		body, err := s.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		switch recordKind(body[0]) {
		case kindSession:
			session++
		case kindHeld:
			rec, err := decodeSettled(body)
			if err != nil {
				return err
			}
			if !want(rec.Class) || !r.ledger.holds(&rec, session) {
				continue
			}
			if _, err := w.Write(rec.Row); err != nil {
				return err
			}
		}
	}
}

// holds reports whether a held row of a session is still the query's row.
func (l *ledger) holds(r *settled, session int) bool {
	if l.slots == nil {
		return true
	}
	s := l.slots.get(r.Index)
	return s.session() == session && s.class() == r.Class
}
