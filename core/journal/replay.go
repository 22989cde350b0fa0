package journal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"math"
)

// A history is what a journal tells, read from its start to where its valid
// records end.
type history struct {
	*ledger
	salt          uint32
	plan          planRecord
	sessions      int
	lanes         []Lane        // of the last session
	asked         []Lane        // of the last session that asked
	finishing     *finishRecord // the last one, if no session came after it
	finished      *finishRecord // the same
	everDone      bool          // some session has finished the run
	everFinishing bool          // or has at least begun to
	limit         int64         // of the last session
	closed        string        // why the last session ended, empty if it did not say

	end     int64 // length of the valid records
	torn    int64 // bytes behind them
	partial int64 // length of the partial file to which its rows are good
	voided  int64 // rows that a power loss took from its end
	marked  int64 // length of the partial file that was durable at the last mark
	rows    int64 // records of answered queries, good or not

	cuts     []cut
	rowsLeft *bufio.Reader // of the partial file, behind the last row that was checked
	sum      hash.Hash32
}

// A cut is a kindCut record: rows that were recorded before it and reach
// beyond length are not there any more.
type cut struct{ offset, length int64 }

// A rowsFunc is asked, after the first pass, for the file in which rows are
// checked; nil if they need not be.
type rowsFunc func(h *history) (io.ReaderAt, error)

// replay reads a journal.
//
// It reads the journal twice: the first pass finds what must be known before
// a row can be judged (where the records end, what was cut later, what was
// durable), the second adds up.
func replay(ctx context.Context, f File, name string, rows rowsFunc) (*history, error) {
	salt, err := readHead(f, name)
	if err != nil {
		return nil, err
	}
	h := &history{ledger: newLedger(), salt: salt}
	h.slots = &table{}
	if err := h.survey(ctx, f, name); err != nil {
		return nil, err
	}
	if h.sessions == 0 {
		return nil, &CorruptError{Path: name, Offset: headSize, What: "it does not tell which run it is of"}
	}
	partial, err := rows(h)
	if err != nil {
		return nil, err
	}
	if err := h.addUp(ctx, f, partial); err != nil {
		return nil, fmt.Errorf("journal %s: %w", name, err)
	}
	return h, nil
}

// survey is the first pass.
func (h *history) survey(ctx context.Context, f File, name string) error {
	s, err := newScanner(f, h.salt)
	if err != nil {
		return err
	}
	for {
		offset := s.offset
		body, err := s.next()
		if errors.Is(err, io.EOF) || errors.Is(err, errTorn) {
			break
		}
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = h.note(offset, body)
		}
		if err != nil {
			return fmt.Errorf("journal %s, byte %d: %w", name, offset, err)
		}
	}
	h.end, h.torn = s.offset, s.size-s.offset
	if h.torn > 0 {
		beyond, err := s.syncedBeyond()
		if err != nil {
			return err
		}
		if beyond {
			return &CorruptError{Path: name, Offset: h.end, What: "what follows was written in full once, so this is no torn end but damage"}
		}
	}
	return nil
}

// note takes from a record what the second pass must know beforehand.
func (h *history) note(offset int64, body []byte) error {
	switch recordKind(body[0]) {
	case kindPlan:
		return decodeJSON(body, &h.plan)
	case kindSession:
		h.sessions++
		h.finishing, h.finished, h.closed = nil, nil, ""
		var s sessionRecord
		err := decodeJSON(body, &s)
		h.lanes, h.limit = s.Origin.Lanes, s.Limit
		return err
	case kindSynced:
		mark, err := decodeSynced(body)
		h.marked = mark.Partial
		return err
	case kindCut:
		length, err := decodeCut(body)
		h.cuts = append(h.cuts, cut{offset, length})
		return err
	case kindFinishing:
		h.finishing, h.everFinishing = new(finishRecord), true
		return decodeJSON(body, h.finishing)
	case kindFinished:
		h.finished, h.everDone = new(finishRecord), true
		return decodeJSON(body, h.finished)
	case kindClosed:
		var c closeRecord
		err := decodeJSON(body, &c)
		h.closed = c.Reason
		return err
	case kindAnswered:
		h.rows++
	case kindStarted:
		h.asked = h.lanes
	case kindEnded, kindHeld:
	default:
		if recordKind(body[0]) < firstSkippable {
			return fmt.Errorf("a record of kind %d: a newer cortex-host wrote it, use that one", body[0])
		}
	}
	return nil
}

// addUp is the second pass.
func (h *history) addUp(ctx context.Context, f File, partial io.ReaderAt) error {
	s, err := newScanner(f, h.salt)
	if err != nil {
		return err
	}
	h.partial = int64(len(h.plan.Plan.Output.Header))
	limits := suffixMin(h.cuts)
	session := -1
	for s.offset < h.end {
		offset := s.offset
		body, err := s.next()
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		for len(limits) > 0 && limits[0].offset <= offset {
			limits = limits[1:]
		}
		switch recordKind(body[0]) {
		case kindSession:
			if session++; session > 0 {
				h.nextSession()
			}
		case kindStarted:
			var r started
			if r, err = decodeStarted(body); err == nil {
				h.started(&r)
			}
		case kindEnded:
			var r ended
			if r, err = decodeEnded(body); err == nil {
				h.ended(&r)
			}
		case kindHeld:
			var r settled
			if r, err = decodeSettled(body); err == nil {
				h.settled(&r)
			}
		case kindAnswered:
			limit := int64(math.MaxInt64)
			if len(limits) > 0 {
				limit = limits[0].length
			}
			err = h.answered(body, limit, partial)
		}
		if err != nil {
			return fmt.Errorf("byte %d: %w", offset, err)
		}
	}
	return nil
}

// answered counts a row of the partial file if it is there: not cut off later,
// and as it was written. One that the disk had not confirmed may be lost, another
// one not.
func (h *history) answered(body []byte, limit int64, partial io.ReaderAt) error {
	r, err := decodeSettled(body)
	if err != nil {
		return err
	}
	if r.Offset+r.Length > limit {
		h.lost(r.Index)
		return nil
	}
	if h.voided > 0 {
		h.void(&r) // rows are in order: behind a bad one none counts
		return nil
	}
	if r.Offset != h.partial {
		return errMalformed
	}
	if partial != nil {
		same, err := h.rowIs(partial, &r)
		switch {
		case err != nil:
			return err
		case !same && r.Offset+r.Length <= h.marked:
			return &CorruptError{Path: h.plan.Plan.Output.Partial(), Offset: r.Offset, What: "the row there is not the one that the run has written"}
		case !same:
			h.void(&r)
			return nil
		}
	}
	h.partial += r.Length
	h.settled(&r)
	return nil
}

// void notes a row that a power loss has taken.
func (h *history) void(r *settled) {
	h.voided++
	h.lost(r.Index)
}

// rowIs reports whether the row is in the file as it was written. It is called
// for one row after the other.
func (h *history) rowIs(f io.ReaderAt, r *settled) (bool, error) {
	if h.rowsLeft == nil {
		h.rowsLeft = bufio.NewReaderSize(io.NewSectionReader(f, r.Offset, math.MaxInt64-r.Offset), 256<<10)
		h.sum = crc32.New(castagnoli)
	}
	h.sum.Reset()
	n, err := io.CopyN(h.sum, h.rowsLeft, r.Length)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	return n == r.Length && h.sum.Sum32() == r.CRC, nil
}

// suffixMin gives each cut the shortest length of itself and those after it.
func suffixMin(cuts []cut) []cut {
	list := append([]cut(nil), cuts...)
	for i := len(list) - 2; i >= 0; i-- {
		list[i].length = min(list[i].length, list[i+1].length)
	}
	return list
}
