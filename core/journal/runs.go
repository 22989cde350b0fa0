package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"
)

// Keep bounds what is kept of earlier runs. When a run is created, the records
// of others are removed until both bounds hold: finished runs without failures
// first, then those with failures, then interrupted ones, the oldest first. A run
// in use is never removed, nor is any run's output.
type Keep struct {
	Runs  int   // at most so many runs, the new one among them; 0 is 100
	Bytes int64 // journals of at most so many bytes together; 0 is 2 GiB
}

func (k Keep) withDefaults() Keep {
	if k.Runs == 0 {
		k.Runs = 100
	}
	if k.Bytes == 0 {
		k.Bytes = 2 << 30
	}
	return k
}

// State says how a run stands.
type State string

// The states.
const (
	StateRunning     State = "running"     // a process works on it
	StateInterrupted State = "interrupted" // it can be resumed
	StateFinished    State = "finished"    // its final file was written
	StateUnreadable  State = "unreadable"  // its journal is damaged, or too new: Reason says more
)

// Info is what is known of a run.
type Info struct {
	ID      string    `json:"id"`
	State   State     `json:"state"`
	Reason  string    `json:"reason,omitempty"` // why it was interrupted, or cannot be read
	Created time.Time `json:"created"`
	Plan    Plan      `json:"plan"`
	// Sessions counts the processes that worked on it.
	Sessions int    `json:"sessions"`
	Totals   Totals `json:"totals"`
	// Open lists queries that were sent and have no row. Of a run that is not
	// running, what was in flight was cut off, and counts as paid at its bound.
	Open []Open `json:"open,omitempty"`
	// Bytes is the size of its journal.
	Bytes int64 `json:"bytes"`
}

// List returns all runs, the oldest first. Directories that are no runs are
// passed over; a run of which not even the plan can be read is in the joined
// error.
func List(ctx context.Context, cfg Config) ([]Info, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	ids, err := cfg.Disk.ReadDir(cfg.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []Info
	var errs []error
	for _, id := range ids {
		info, err := load(ctx, cfg, id, true)
		switch {
		case err == nil:
			list = append(list, info)
		case ctx.Err() != nil:
			return list, ctx.Err()
		case !errors.Is(err, ErrNoRun):
			errs = append(errs, fmt.Errorf("run %s: %w", id, err))
		}
	}
	// Ids tell the second alone.
	slices.SortStableFunc(list, func(a, b Info) int { return a.Created.Compare(b.Created) })
	return list, errors.Join(errs...)
}

// Show returns what is known of one run.
func Show(ctx context.Context, cfg Config, id string) (Info, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return Info{}, err
	}
	return load(ctx, cfg, id, false)
}

// Find returns the newest run that writes to this output file.
func Find(ctx context.Context, cfg Config, output string) (Info, error) {
	plan := Plan{Output: Output{Path: output}}
	if err := plan.prepare(); err != nil {
		return Info{}, err
	}
	list, err := List(ctx, cfg)
	for _, info := range slices.Backward(list) {
		if info.Plan.Output.Path == plan.Output.Path {
			return info, nil
		}
	}
	return Info{}, errors.Join(fmt.Errorf("for %s: %w", output, ErrNoRun), err)
}

// Remove deletes the record of a run. Its output, also a partial one, stays.
func Remove(cfg Config, id string) error {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return err
	}
	if !validID(id) {
		return fmt.Errorf("run %q: %w", id, ErrNoRun)
	}
	d, journal := cfg.Disk, cfg.journalPath(id)
	lock, err := d.Lock(journal)
	switch {
	case errors.Is(err, ErrLocked):
		return &BusyError{Run: id}
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("run %s: %w", id, ErrNoRun)
	case err != nil:
		return err
	}
	defer lock.Close()
	for _, name := range []string{cfg.statusPath(id), cfg.statusPath(id) + ".tmp", journal, cfg.dir(id)} {
		if err := d.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return d.SyncDir(cfg.Dir)
}

// A status is the summary that a session leaves beside the journal when it
// ends in order. It is true of a journal of exactly that size.
type status struct {
	Journal int64 `json:"journal"`
	Info    Info  `json:"info"`
}

// load reads the summary of a run if quick, or else the whole journal.
func load(ctx context.Context, cfg Config, id string, quick bool) (Info, error) {
	if !validID(id) {
		return Info{}, fmt.Errorf("run %q: %w", id, ErrNoRun)
	}
	path := cfg.journalPath(id)
	f, err := cfg.Disk.Open(path, OpenRead)
	if err != nil {
		return Info{}, fmt.Errorf("run %s: %w", id, ErrNoRun)
	}
	defer f.Close()
	running := false
	lock, err := cfg.Disk.Lock(path)
	if err == nil {
		lock.Close()
	} else if running = errors.Is(err, ErrLocked); !running {
		return Info{}, err
	}
	size, err := f.Size()
	if err != nil {
		return Info{}, err
	}
	if quick && !running {
		if info, ok := readStatus(cfg, id, size); ok {
			return info, nil
		}
	}
	h, err := replay(ctx, f, path, func(*history) (io.ReaderAt, error) { return nil, nil })
	if err != nil {
		if plan, planErr := readPlan(f, path); planErr == nil && ctx.Err() == nil {
			return Info{ID: id, State: StateUnreadable, Reason: err.Error(), Created: plan.Created, Plan: plan.Plan, Bytes: size}, nil
		}
		return Info{}, err
	}
	if !running {
		h.nextSession()
	}
	info := Info{ID: id, State: StateInterrupted, Reason: h.closed, Created: h.plan.Created, Plan: h.plan.Plan,
		Sessions: h.sessions, Totals: h.totals, Open: h.opened(), Bytes: size}
	switch {
	case running:
		info.State = StateRunning
	case h.finished != nil:
		info.State = StateFinished
	}
	if !running {
		_ = writeStatus(cfg, info) // it only saves the next list its time
	}
	return info, nil
}

// readPlan reads no more than the first record: what the run is.
func readPlan(f File, name string) (plan planRecord, err error) {
	salt, err := readHead(f, name)
	if err != nil {
		return plan, err
	}
	s, err := newScanner(f, salt)
	if err != nil {
		return plan, err
	}
	body, err := s.next()
	if err != nil {
		return plan, err
	}
	if recordKind(body[0]) != kindPlan {
		return plan, errMalformed
	}
	return plan, decodeJSON(body, &plan)
}

func readStatus(cfg Config, id string, size int64) (Info, bool) {
	f, err := cfg.Disk.Open(cfg.statusPath(id), OpenRead)
	if err != nil {
		return Info{}, false
	}
	defer f.Close()
	var s status
	err = json.NewDecoder(io.NewSectionReader(f, 0, 16<<20)).Decode(&s)
	return s.Info, err == nil && s.Journal == size && s.Info.ID == id
}

// writeStatus leaves the summary of a run that nobody works on.
func writeStatus(cfg Config, info Info) error {
	data, err := json.Marshal(status{Journal: info.Bytes, Info: info})
	if err != nil {
		return err
	}
	path := cfg.statusPath(info.ID)
	f, err := cfg.Disk.Open(path+".tmp", OpenCreate)
	if err != nil {
		return err
	}
	// Nothing waits for the disk: a summary that is torn or lost is made again.
	if err := errors.Join(f.Truncate(0), writeAll(f, data, 0), f.Close()); err != nil {
		return err
	}
	return cfg.Disk.Rename(path+".tmp", path, true)
}

// info describes the run at its end. It requires that r.mu is held and that
// the log is closed.
func (r *Run) info(state State, reason string) Info {
	r.ledger.nextSession() // it is over
	return Info{ID: r.id, State: state, Reason: reason, Created: r.created, Plan: r.plan,
		Sessions: r.ledger.session, Totals: r.ledger.totals, Open: r.ledger.opened(), Bytes: r.log.recs.written}
}

// prune removes old runs until the bounds hold, and returns what it removed.
func prune(ctx context.Context, cfg Config, newest string) ([]Info, error) {
	list, err := List(ctx, cfg)
	count, bytes := len(list), int64(0)
	for _, info := range list {
		bytes += info.Bytes
	}
	order := func(i Info) int {
		switch {
		case i.State == StateFinished && i.Totals.Failed == 0:
			return 0
		case i.State == StateFinished:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(list, func(a, b Info) int { return order(a) - order(b) })
	var removed []Info
	for _, info := range list {
		if count <= cfg.Keep.Runs && bytes <= cfg.Keep.Bytes {
			break
		}
		if info.ID == newest || info.State == StateRunning {
			continue
		}
		if rmErr := Remove(cfg, info.ID); rmErr != nil {
			err = errors.Join(err, rmErr)
			continue
		}
		removed = append(removed, info)
		count--
		bytes -= info.Bytes
	}
	return removed, err
}
