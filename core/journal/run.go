package journal

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// SyncMode says when the journal waits for the disk.
type SyncMode int

const (
	// SyncGroup makes results durable together, some twenty times a second. A
	// power loss takes the answers of the last moment, the death of the process
	// none.
	SyncGroup SyncMode = iota
	// SyncAlways makes each result durable before Settle returns.
	SyncAlways
	// SyncNone leaves it to the operating system until the run ends.
	SyncNone
)

// ParseSyncMode reads "group", "always" or "none".
func ParseSyncMode(s string) (SyncMode, error) {
	for mode, name := range syncNames {
		if s == name {
			return SyncMode(mode), nil
		}
	}
	return 0, fmt.Errorf("sync mode %q is unknown; one of always, group, none", s)
}

var syncNames = [...]string{SyncGroup: "group", SyncAlways: "always", SyncNone: "none"}

// String returns what [ParseSyncMode] reads.
func (m SyncMode) String() string {
	if m < 0 || int(m) >= len(syncNames) {
		return fmt.Sprintf("SyncMode(%d)", int(m))
	}
	return syncNames[m]
}

// A Run is a run that this process records: its only writer. Make one with
// [Create] or [Resume], end it with [Run.Finish] or [Run.Close].
//
// A Run is safe for concurrent use.
type Run struct {
	cfg     Config
	id      string
	plan    Plan
	again   Again
	notes   []string
	created time.Time

	before Totals // of the earlier sessions
	resend []Open // cut off in one of them
	// The final files are this run's own, or may be replaced.
	replace, replaceErrors bool

	log     *log
	journal File
	partial File
	locks   []io.Closer

	mu       sync.Mutex
	hash     hasher
	ledger   *ledger
	admitted map[int64]uint64 // hashes of the queries between Admit and Settle
	next     int64            // the ordinal behind the last one admitted
	left     int64            // not asked, though they have no row
	canceled int64
	ended    bool
}

// ID names the run. IDs sort by time, to the second.
func (r *Run) ID() string { return r.id }

// Notes says in sentences for people what was found when the run was opened:
// what was cut, what will be asked again.
func (r *Run) Notes() []string { return append([]string(nil), r.notes...) }

// Before returns what the sessions before this one add up to.
func (r *Run) Before() Totals { return r.before.clone() }

// Resends lists the queries that a kill or a power loss has cut off and that
// no later session has asked again. If this one does, the vendor may bill them
// twice.
func (r *Run) Resends() []Open { return append([]Open(nil), r.resend...) }

// Totals returns what all sessions add up to, with this one up to now.
func (r *Run) Totals() Totals {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ledger.totals.clone()
}

// Admit says whether the query with this ordinal is to be asked. It must be
// called once for each query, in the order of the input. If an earlier session
// has settled a different query under this ordinal, that is an [*InputError].
func (r *Run) Admit(index int64, q *sdk.Query) (ask bool, err error) {
	if index >= maxQueries {
		return false, fmt.Errorf("query %d: a run can have at most %d queries: split the input", index+1, int64(maxQueries))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next = max(r.next, index+1)
	hash := r.hash.sum(q)
	was, ask, err := r.ledger.asks(r.id, r.again, index, q, hash)
	switch {
	case ask:
		r.admitted[index] = hash
	case err == nil && was == classNone:
		r.left++
	}
	return ask, err
}

// AttemptStarted records that a call is about to be made, and returns when the
// death of this process can no longer lose the record. It does not wait for
// the disk. On an error the call must not be made.
func (r *Run) AttemptStarted(a sdk.Attempt) error {
	rec := started{Index: a.Index, Number: a.Number, At: a.Started.UnixMicro(), Reserved: a.Reserved, ReservedTokens: a.ReservedTokens,
		QueryID: a.QueryID, Lane: a.Lane, Model: a.Model}
	r.mu.Lock()
	end, err := r.log.append(rec.append)
	if err == nil {
		r.ledger.started(&rec)
	}
	r.mu.Unlock()
	if err != nil {
		return r.failed(err)
	}
	return r.failed(r.log.flushRecord(end))
}

// AttemptEnded records how a call ended.
func (r *Run) AttemptEnded(a sdk.Attempt) error {
	rec := ended{Index: a.Index, Number: a.Number, Duration: a.Duration, Cost: a.Cost, Kind: a.Kind, RequestID: a.RequestID, Tokens: a.Tokens}
	if a.ModelServed != a.Model {
		rec.ModelServed = a.ModelServed
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, err := r.log.append(rec.append)
	if err == nil {
		r.ledger.ended(&rec)
	}
	return r.failed(err)
}

// Settle records the outcome of a query and its row, which is kept as it is. A
// result of kind [sdk.Canceled] is no outcome: the query stays to be asked and
// row is dropped. Rows that a later session may replace, which are those of
// failed and degraded queries, stay in the journal until the run is finished.
func (r *Run) Settle(res *sdk.Result, row []byte) error {
	r.mu.Lock()
	hash := r.admitted[res.Index]
	delete(r.admitted, res.Index)
	r.next = max(r.next, res.Index+1)
	if res.Error != nil && res.Error.Kind == sdk.Canceled {
		r.canceled++
		r.mu.Unlock()
		return nil
	}
	rec := settled{Index: res.Index, Hash: hash, Class: classOf(res), Usage: usageOf(res)}
	if rec.Class.held() {
		rec.Row, row = row, nil
	} else {
		rec.Length, rec.CRC = int64(len(row)), crc32.Checksum(row, castagnoli)
	}
	r.ledger.settled(&rec)
	r.mu.Unlock()
	return r.failed(r.log.settle(&rec, row))
}

func usageOf(res *sdk.Result) sdk.Usage {
	switch {
	case res.Response != nil && res.Response.Usage != nil:
		return *res.Response.Usage
	case res.Error != nil && res.Error.Usage != nil:
		return *res.Error.Usage
	}
	return sdk.Usage{}
}

// present reports a file of the run that has been taken away: what is written
// to it from now on nobody will read.
func (r *Run) present() error {
	for _, path := range []string{r.plan.Output.Partial(), r.cfg.journalPath(r.id)} {
		if !exists(r.cfg.Disk, path) {
			return fmt.Errorf("%s was removed while the run was writing to it", path)
		}
	}
	return nil
}

// failed names the actor of an error and the way out.
func (r *Run) failed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("run %s cannot be recorded any further, so nothing more is sent: %w (continue with: cortex-host resume %s)", r.id, err, r.id)
}

// Close ends the session and leaves the run to be resumed. The reason is for
// people: "interrupted", "budget reached". After Finish it does nothing.
func (r *Run) Close(reason string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return nil
	}
	r.ended = true
	_, err := r.log.append(jsonRecord{kindClosed, closeRecord{At: time.Now(), Reason: reason}}.append)
	return r.release(StateInterrupted, reason, err)
}

// Discard ends the session of a run in which nothing was ever sent and nothing
// settled, and leaves nothing of it behind. Of any other run, and of one whose
// output was finished before, it is [Run.Close].
func (r *Run) Discard(reason string) error {
	r.mu.Lock()
	t := &r.ledger.totals
	empty := !r.ended && r.ledger.session == 0 && t.Attempts == 0 && t.Settled() == 0
	r.mu.Unlock()
	if err := r.Close(reason); err != nil || !empty {
		return err
	}
	return errors.Join(removeDurably(r.cfg.Disk, r.plan.Output.Partial()), Remove(r.cfg, r.id))
}

// release closes the files, leaves a summary for lists and gives back the
// locks. It requires that r.mu is held.
func (r *Run) release(state State, reason string, err error) error {
	if closeErr := r.log.close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = writeStatus(r.cfg, r.info(state, reason))
	}
	for _, l := range r.locks {
		err = errors.Join(err, l.Close())
	}
	if err != nil {
		return fmt.Errorf("run %s: %w", r.id, err)
	}
	return nil
}
