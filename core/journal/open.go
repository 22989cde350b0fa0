package journal

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Config says where runs are recorded and how. The zero value of everything
// but Dir is the default.
type Config struct {
	// Dir is the directory of all runs; each has a directory in it.
	Dir string
	// Sync says when to wait for the disk.
	Sync SyncMode
	// Keep bounds what is kept of earlier runs.
	Keep Keep
	// Reserve is how many bytes must be free for each of the two files when a
	// run is opened, so that a disk that is all but full shows before anything
	// is paid for. 0 is 1 MiB; negative: none.
	Reserve int64
	// Disk is where the files are; nil is [OSDisk].
	Disk Disk
}

const defaultReserve = 1 << 20

func (c Config) withDefaults() (Config, error) {
	if c.Dir == "" {
		return c, errors.New("journal: Config.Dir is not set: it is the directory in which runs are recorded")
	}
	if c.Disk == nil {
		c.Disk = OSDisk{}
	}
	if c.Reserve == 0 {
		c.Reserve = defaultReserve
	}
	c.Keep = c.Keep.withDefaults()
	return c, nil
}

func (c Config) dir(id string) string         { return filepath.Join(c.Dir, id) }
func (c Config) journalPath(id string) string { return filepath.Join(c.Dir, id, "journal") }
func (c Config) statusPath(id string) string  { return filepath.Join(c.Dir, id, "status.json") }

// Create begins a new run. When it returns, both files exist and are durable,
// so a read-only or full disk shows before anything is paid for. An output file
// that exists is an [*ExistsError] unless the plan replaces it.
//
// It also removes old runs beyond Config.Keep; [Run.Notes] tells which.
func Create(ctx context.Context, cfg Config, plan Plan) (*Run, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := plan.prepare(); err != nil {
		return nil, err
	}
	if err := checkOutput(ctx, cfg, &plan.Output); err != nil {
		return nil, err
	}
	now := time.Now()
	id, err := newID(now)
	if err != nil {
		return nil, err
	}
	r := newRun(cfg, id, plan, Again{Failed: true, Degraded: true, Pending: true})
	r.ledger = newLedger()
	r.replace, r.replaceErrors, r.created = plan.Output.Replace, plan.Output.Replace, now
	if err := r.create(now); err != nil {
		r.abandon()
		return nil, fmt.Errorf("new run: %w", err)
	}
	removed, err := prune(ctx, cfg, id)
	for _, old := range removed {
		r.notes = append(r.notes, fmt.Sprintf("the record of run %s (%s) was removed to keep the bound on kept runs", old.ID, old.State))
	}
	if err != nil {
		r.notes = append(r.notes, "old runs could not be removed: "+err.Error())
	}
	return r, nil
}

func newRun(cfg Config, id string, plan Plan, again Again) *Run {
	return &Run{cfg: cfg, id: id, plan: plan, again: again, hash: hasher{byID: plan.ByID}, admitted: map[int64]uint64{}}
}

// prepare validates the plan and makes its paths independent of the working
// directory.
func (p *Plan) prepare() error {
	if err := p.validate(); err != nil {
		return err
	}
	for _, path := range []*string{&p.Output.Path, &p.Output.ErrorPath} {
		if *path == "" {
			continue
		}
		abs, err := filepath.Abs(*path)
		if err != nil {
			return err
		}
		*path = abs
	}
	p.Output.Coded = p.Output.Codec != nil
	return nil
}

// newID returns a name that sorts by time and that no other run has.
func newID(now time.Time) (string, error) {
	var b [3]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", err
	}
	return now.UTC().Format("20060102-150405-") + hex.EncodeToString(b[:]), nil
}

// checkOutput makes sure that a new run takes nothing away from anybody.
func checkOutput(ctx context.Context, cfg Config, o *Output) error {
	for _, path := range []string{o.Path, o.ErrorPath} {
		if path == "" {
			continue
		}
		f, err := cfg.Disk.Open(path, OpenRead)
		if err == nil {
			f.Close()
		}
		switch {
		case errors.Is(err, ErrNoFile):
			return fmt.Errorf("the output cannot take its place: %w", err)
		case errors.Is(err, fs.ErrNotExist):
		case err == nil && !o.Replace:
			return &ExistsError{Path: path}
		case o.Replace && errors.Is(err, fs.ErrPermission): // it need not be read
		case err != nil:
			return err
		}
	}
	if !exists(cfg.Disk, o.Partial()) {
		return nil
	}
	owner, err := Find(ctx, cfg, o.Path)
	if err != nil && !errors.Is(err, ErrNoRun) {
		return err
	}
	if !o.Replace && !o.Discard {
		return &ExistsError{Path: o.Partial(), Run: owner.ID}
	}
	if err != nil {
		return nil // nobody's
	}
	return Remove(cfg, owner.ID)
}

func exists(d Disk, path string) bool {
	f, err := d.Open(path, OpenRead)
	if err == nil {
		f.Close()
	}
	return err == nil || !errors.Is(err, fs.ErrNotExist)
}

// create makes both files. The journal gets its name only when its beginning
// is durable, so a journal without a beginning never exists.
func (r *Run) create(now time.Time) error {
	d, dir := r.cfg.Disk, r.cfg.dir(r.id)
	if err := makeDir(d, dir); err != nil {
		return err
	}
	unnamed := r.cfg.journalPath(r.id) + ".new"
	var err error
	if r.journal, err = d.Open(unnamed, OpenNew); err != nil {
		return err
	}
	if err := r.lock(unnamed); err != nil {
		return err
	}
	var salt [4]byte
	if _, err := rand.Read(salt[:]); err != nil {
		return err
	}
	key := binary.LittleEndian.Uint32(salt[:])
	head := appendHead(nil, key)
	head = appendFramed(head, key, 0, jsonRecord{kindPlan, planRecord{Run: r.id, Created: now, Plan: r.plan}})
	head = appendFramed(head, key, 0, r.sessionRecord(now))
	if err := writeAll(r.journal, head, 0); err != nil {
		return err
	}
	if err := reserve(r.journal, int64(len(head)), r.cfg.Reserve); err != nil {
		return err
	}
	if err := r.journal.Sync(); err != nil {
		return err
	}
	if err := renameDurably(d, unnamed, r.cfg.journalPath(r.id), false); err != nil {
		return err
	}
	if err := r.openPartial(0, r.plan.Output.Header); err != nil {
		return err
	}
	r.log = newLog(r.journal, r.partial, key, int64(len(head)), int64(len(r.plan.Output.Header)), r.cfg.Sync, r.present)
	return nil
}

// appendFramed appends a whole record to buf, which begins at offset base of
// the file.
func appendFramed(buf []byte, salt uint32, base int64, r record) []byte {
	start := len(buf)
	buf = append(buf, make([]byte, frameSize)...)
	buf = r.append(buf)
	sealFrame(buf, start, salt, base+int64(start))
	return buf
}

func (r *Run) sessionRecord(now time.Time) jsonRecord {
	return jsonRecord{kindSession, sessionRecord{Started: now, PID: os.Getpid(), Args: r.plan.Args,
		Free: r.plan.Free, Origin: r.plan.Origin, Again: r.again, Limit: r.plan.Limit, Notes: r.notes}}
}

// lock takes the lock of a file until the run is released. A list of runs holds
// it for a moment, which is no reason to give up.
func (r *Run) lock(path string) error {
	l, err := r.cfg.Disk.Lock(path)
	for range 5 {
		if !errors.Is(err, ErrLocked) {
			break
		}
		time.Sleep(20 * time.Millisecond)
		l, err = r.cfg.Disk.Lock(path)
	}
	if errors.Is(err, ErrLocked) {
		return &BusyError{Run: r.id}
	}
	if err == nil {
		r.locks = append(r.locks, l)
	}
	return err
}

// openPartial opens the partial file, locks it, cuts it to size and appends
// tail, durably.
func (r *Run) openPartial(size int64, tail []byte) error {
	path := r.plan.Output.Partial()
	f, err := r.cfg.Disk.Open(path, OpenCreate)
	if err != nil {
		return err
	}
	if err := r.lock(path); err != nil {
		f.Close()
		return err
	}
	r.partial = f
	if err := r.partial.Truncate(size); err != nil {
		return err
	}
	if err := writeAll(r.partial, tail, size); err != nil {
		return err
	}
	if err := reserve(r.partial, size+int64(len(tail)), r.cfg.Reserve); err != nil {
		return err
	}
	if err := r.partial.Sync(); err != nil {
		return err
	}
	return r.cfg.Disk.SyncDir(filepath.Dir(path))
}

// reserve finds out whether a file can grow by n bytes. The space is not kept:
// a file with zeros at its end would be one that nobody can read meanwhile.
func reserve(f File, size, n int64) error {
	if n <= 0 {
		return nil
	}
	err := writeAll(f, make([]byte, n), size)
	return errors.Join(err, f.Truncate(size))
}

// abandon undoes what a failed create has left, as far as it can: the cause is
// told already, and lists pass over leftovers.
func (r *Run) abandon() {
	r.closeFiles()
	names := []string{r.cfg.journalPath(r.id), r.cfg.journalPath(r.id) + ".new", r.cfg.dir(r.id)}
	if r.partial != nil {
		names = append(names, r.plan.Output.Partial())
	}
	for _, name := range names {
		_ = r.cfg.Disk.Remove(name)
	}
}

func (r *Run) closeFiles() {
	for _, f := range []File{r.journal, r.partial} {
		if f != nil {
			f.Close()
		}
	}
	for _, l := range r.locks {
		l.Close()
	}
}

// An offsetWriter writes to a file from an offset on.
type offsetWriter struct {
	f  File
	at int64
}

func (w *offsetWriter) Write(b []byte) (int, error) {
	n, err := w.f.WriteAt(b, w.at)
	w.at += int64(n)
	return n, err
}

var _ io.Writer = (*offsetWriter)(nil)
