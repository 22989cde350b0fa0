package journal

import (
	"errors"
	"runtime"
	"sync"
	"time"
)

// A log appends to the two files of a run: rows to the partial file, records
// to the journal. Appending only fills a buffer; flush hands both buffers to
// the operating system, rows first, so that no record speaks of a row that is
// not there; sync makes what was flushed durable.
//
// Flushes combine: while one is writing, everything that others append waits
// together for the next, so many callers share one pair of writes. Syncs
// combine in the same way.
//
// The first error is the last: after it nothing is written any more, for
// nobody knows what a failed write or sync has left behind.
//
// A log is safe for concurrent use.
type log struct {
	mode  SyncMode
	check func() error // are the files still where they were?

	mu   sync.Mutex
	cond sync.Cond // flushing, syncing, rows.written, recs.written or err changed
	rows stream
	recs stream
	salt uint32
	err  error

	flushing, syncing bool
	bell              chan struct{} // tells the background that something waits
	once              sync.Once
	stop              chan struct{}
	done              chan struct{}
}

const (
	// flushDelay bounds how long a settled row waits in memory when no
	// attempt comes that takes it along.
	flushDelay = 5 * time.Millisecond
	// syncDelay is the pause between group commits: the most that a power loss
	// can take, beside what a sync itself lasts.
	syncDelay = 50 * time.Millisecond
	// checkDelay is the pause between looks at whether the files still have
	// their names: writing to a deleted file goes well for ever.
	checkDelay = 400 * time.Millisecond
	// flushBytes is the buffer size from which append flushes by itself.
	flushBytes = 256 << 10
)

// newLog continues both files at their given lengths, all of which is durable.
func newLog(journal, partial File, salt uint32, journalLen, partialLen int64, mode SyncMode, check func() error) *log {
	l := &log{mode: mode, check: check, salt: salt,
		rows: stream{file: partial, base: partialLen, written: partialLen, synced: partialLen},
		recs: stream{file: journal, base: journalLen, written: journalLen, synced: journalLen},
		bell: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	l.cond.L = &l.mu
	go l.background()
	return l
}

// A record is a body that appends itself. The log takes its method and not the
// record, which so needs no memory: there are three for each query.
type record interface{ append(b []byte) []byte }

// append buffers a record and returns where it ends.
func (l *log) append(body func(b []byte) []byte) (end int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.appendLocked(body); err != nil {
		return 0, err
	}
	l.ring()
	return l.recs.end(), nil
}

// settle buffers a row (nil for none) and its record together. With
// [SyncAlways] it returns when both are durable.
func (l *log) settle(r *settled, row []byte) error {
	l.mu.Lock()
	r.Offset = l.rows.end()
	l.rows.buf = append(l.rows.buf, row...)
	err := l.appendLocked(r.append)
	l.ring()
	full := len(l.rows.buf)+len(l.recs.buf) >= flushBytes
	l.mu.Unlock()
	switch {
	case err != nil:
		return err
	case l.mode == SyncAlways:
		return l.sync()
	case full:
		return l.flush()
	}
	return nil
}

// appendLocked requires that l.mu is held.
func (l *log) appendLocked(body func(b []byte) []byte) error {
	if l.err != nil {
		return l.err
	}
	start, offset := len(l.recs.buf), l.recs.end()
	l.recs.buf = append(l.recs.buf, make([]byte, frameSize)...)
	l.recs.buf = body(l.recs.buf)
	if len(l.recs.buf)-start-frameSize > maxRecord {
		l.recs.buf = l.recs.buf[:start]
		return errRecordTooLarge
	}
	sealFrame(l.recs.buf, start, l.salt, offset)
	return nil
}

// ring wakes the background.
func (l *log) ring() {
	select {
	case l.bell <- struct{}{}:
	default:
	}
}

var errRecordTooLarge = errors.New("a result row of more than 256 MiB cannot be kept")

// flush returns when everything that was appended before the call has been
// handed to the operating system: from then on the death of this process
// cannot lose it.
func (l *log) flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.flushLocked(l.rows.end(), l.recs.end())
}

// flushRecord is flush for the record that ends there, and what was appended
// before it. Others that are about to append theirs can do so first and share
// the writes.
func (l *log) flushRecord(end int64) error {
	runtime.Gosched()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.flushLocked(0, end)
}

// flushLocked flushes both files at least that far. It requires that l.mu is
// held; it gives it away while it writes.
func (l *log) flushLocked(rows, recs int64) error {
	for l.err == nil && (l.rows.written < rows || l.recs.written < recs) {
		if l.flushing {
			l.cond.Wait()
			continue
		}
		l.flushing = true
		rowBuf, rowAt := l.rows.take()
		recBuf, recAt := l.recs.take()
		l.mu.Unlock()
		err := writeAll(l.rows.file, rowBuf, rowAt)
		if err == nil {
			err = writeAll(l.recs.file, recBuf, recAt)
		}
		l.mu.Lock()
		l.flushing = false
		if err == nil {
			l.rows.wrote(rowBuf)
			l.recs.wrote(recBuf)
		} else {
			// Readers of the partial file shall not meet half a row. If even
			// this fails, the next opening cuts. Without rows there is nothing
			// to cut: the file may be the final one by now, and longer.
			if len(rowBuf) > 0 {
				_ = l.rows.file.Truncate(rowAt)
			}
			l.failLocked(err)
		}
		l.cond.Broadcast()
	}
	return l.err
}

// failLocked keeps the first error. It requires that l.mu is held.
func (l *log) failLocked(err error) {
	if l.err == nil && err != nil {
		l.err = err
	}
}

func (l *log) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failLocked(err)
	l.cond.Broadcast()
}

// sync returns when everything that was appended before the call is durable.
func (l *log) sync() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	rows, recs := l.rows.end(), l.recs.end()
	for l.rows.synced < rows || l.recs.synced < recs {
		if err := l.flushLocked(rows, recs); err != nil {
			return err
		}
		if l.syncing {
			l.cond.Wait()
			continue
		}
		l.syncing = true
		rowsTo, recsTo := l.rows.written, l.recs.written
		rowsNew, recsNew := rowsTo > l.rows.synced, recsTo > l.recs.synced
		l.mu.Unlock()
		var err error
		if rowsNew {
			err = l.rows.file.Sync()
		}
		if err == nil && recsNew {
			err = l.recs.file.Sync()
		}
		l.mu.Lock()
		l.syncing = false
		l.failLocked(err)
		l.cond.Broadcast()
		if l.err != nil {
			return l.err
		}
		l.rows.synced, l.recs.synced = max(l.rows.synced, rowsTo), max(l.recs.synced, recsTo)
		if rowsNew {
			// It tells a later opening which rows it need not read again, and
			// goes to the disk with whatever comes next.
			l.failLocked(l.appendLocked((&synced{Partial: l.rows.synced, Journal: l.recs.synced}).append))
		}
	}
	return l.err
}

// background flushes and syncs what nobody waits for. It sleeps while nothing
// is appended.
func (l *log) background() {
	defer close(l.done)
	var lastSync, lastCheck time.Time
	tick := time.NewTimer(0)
	defer tick.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-l.bell:
		}
		tick.Reset(flushDelay)
		select {
		case <-l.stop:
			return
		case <-tick.C:
		}
		if l.flush() != nil {
			return
		}
		if time.Since(lastCheck) > checkDelay {
			if err := l.check(); err != nil {
				l.fail(err)
				return
			}
			lastCheck = time.Now()
		}
		switch {
		case l.mode != SyncGroup:
		case time.Since(lastSync) < syncDelay:
			l.ring() // not yet: come again
		case l.sync() != nil:
			return
		default:
			lastSync = time.Now()
		}
	}
}

// halt stops the background: from now on only what somebody waits for is
// written, and the files may be renamed.
func (l *log) halt() {
	l.once.Do(func() { close(l.stop) })
	<-l.done
}

// close writes what is left, durably, and closes both files.
func (l *log) close() error {
	l.halt()
	err := l.sync()
	if err == nil {
		err = l.flush() // the last sync's mark
	}
	return errors.Join(err, l.recs.file.Close(), l.rows.file.Close())
}
