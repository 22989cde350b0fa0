package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// reopen makes a partial file again from the final file of a finished run. The
// final file stays until a better one takes its place.
func (r *Run) reopen(ctx context.Context, h *history) error {
	if err := r.recordFinish(h); err != nil {
		return err
	}
	if r.plan.Output.Coded {
		if err := r.cfg.Disk.Remove(r.plan.Output.Partial()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	failed, degraded := r.again.Failed && h.totals.Failed > 0, r.again.Degraded && h.totals.Degraded > 0
	more := r.again.Pending && h.limit > 0 && (r.plan.Limit == 0 || r.plan.Limit > h.limit)
	if !failed && !degraded && !more {
		return fmt.Errorf("run %s: %w", r.id, ErrComplete)
	}
	final, err := r.cfg.Disk.Open(r.plan.Output.Path, OpenRead)
	if err != nil {
		return err
	}
	defer final.Close()
	size, err := final.Size()
	if err != nil {
		return err
	}
	if size != h.finished.Size {
		return r.finalChanged(fmt.Sprintf("%d bytes then, %d now", h.finished.Size, size))
	}
	if err := r.openPartial(0, nil); err != nil {
		return err
	}
	if err := r.copyBack(ctx, h, io.NewSectionReader(final, 0, size)); err != nil {
		_ = r.cfg.Disk.Remove(r.plan.Output.Partial()) // the run is as finished as before
		return err
	}
	return r.partial.Sync()
}

func (r *Run) finalChanged(how string) error {
	return &EditedError{Path: r.plan.Output.Path, Run: r.id, How: how}
}

// copyBack fills the partial file with the rows of a finished one, and makes
// sure that they are what the run has written.
func (r *Run) copyBack(ctx context.Context, h *history, final io.Reader) error {
	back := func(err error) error { return fmt.Errorf("reading the answers of run %s back: %w", r.id, err) }
	n, err := r.unpack(ctx, final, h.finished.Rows)
	if _, edited := errors.AsType[*EditedError](err); edited {
		return err
	}
	if err != nil {
		return back(err)
	}
	if n != h.finished.Rows {
		return r.finalChanged("it holds fewer answers")
	}
	header := make([]byte, len(r.plan.Output.Header))
	if _, err := r.partial.ReadAt(header, 0); err != nil && !errors.Is(err, io.EOF) {
		return back(err)
	}
	if !bytes.Equal(header, r.plan.Output.Header) {
		return r.finalChanged("another header")
	}
	_, err = replay(ctx, r.journal, r.cfg.journalPath(r.id), func(h *history) (io.ReaderAt, error) {
		h.marked = h.finished.Rows // all of it was durable before the file got its name
		return r.partial, nil
	})
	if e, ok := errors.AsType[*CorruptError](err); ok && e.Path == r.plan.Output.Partial() {
		return r.finalChanged(fmt.Sprintf("another answer at byte %d of its rows", e.Offset))
	}
	return err
}

// unpack copies at most so many bytes of rows from the final to the partial file.
func (r *Run) unpack(ctx context.Context, final io.Reader, most int64) (int64, error) {
	packed := &errKeeper{r: final}
	rows := &errKeeper{r: packed}
	if codec := r.plan.Output.Codec; codec != nil {
		decoder, err := codec.NewReader(packed)
		if err != nil && packed.err == nil {
			return 0, r.finalChanged(err.Error())
		}
		if err != nil {
			return 0, err
		}
		defer decoder.Close()
		rows.r = decoder
	}
	n, err := io.Copy(&offsetWriter{f: r.partial}, &ctxReader{ctx, io.LimitReader(rows, most)})
	if rows.err != nil && packed.err == nil {
		return n, r.finalChanged(rows.err.Error()) // it can be read, but means nothing
	}
	return n, err
}

// An errKeeper knows with which error, other than the end, its reader has failed.
type errKeeper struct {
	r   io.Reader
	err error
}

func (k *errKeeper) Read(b []byte) (int, error) {
	n, err := k.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		k.err = err
	}
	return n, err
}

// recordFinish makes up for the record that a kill right after the rename has
// prevented. It comes before anything else is done to the files.
func (r *Run) recordFinish(h *history) error {
	if h.finished != h.finishing {
		return nil // it is there
	}
	rec := appendFramed(nil, h.salt, h.end, jsonRecord{kindFinished, *h.finished})
	if err := r.journal.Truncate(h.end); err != nil {
		return err
	}
	if err := writeAll(r.journal, rec, h.end); err != nil {
		return err
	}
	h.end, h.torn = h.end+int64(len(rec)), 0
	return r.journal.Sync()
}

// A ctxReader stops when its context is done.
type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (r *ctxReader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(b)
}
