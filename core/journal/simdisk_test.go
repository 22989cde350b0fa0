package journal

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
)

var errPowerOff = errors.New("simulated: the power is off")

// A simDisk is a disk in memory that keeps apart what it was told to make
// durable from what it merely has heard. It can lose power, fill up and turn
// read-only.
type simDisk struct {
	mu      sync.Mutex
	live    map[string]*simNode // by name; directories too
	durable map[string]*simNode
	ops     []dirOp // changes of names that are not durable yet
	locked  map[*simNode]bool

	fuse     int   // mutating calls until the power fails; negative: never
	room     int64 // bytes until the disk is full; negative: no limit
	readOnly bool
	failSync int // syncs of files until one fails, and what it had to write is lost; 0: none does
}

type simNode struct {
	dir     bool
	data    []byte
	synced  []byte
	pending []simWrite
}

// A simWrite is a write, or a truncation to at if data is nil.
type simWrite struct {
	at   int64
	data []byte
}

type dirOp struct {
	dirs  []string // whose sync makes it durable
	apply func(names map[string]*simNode)
}

func newSimDisk() *simDisk {
	root := &simNode{dir: true}
	names := map[string]*simNode{"/": root}
	return &simDisk{live: names, durable: map[string]*simNode{"/": root}, locked: map[*simNode]bool{}, fuse: -1, room: -1}
}

// mutate burns the fuse. It requires that d.mu is held.
func (d *simDisk) mutate() error {
	if d.readOnly {
		return syscall.EROFS
	}
	if d.fuse == 0 {
		return errPowerOff
	}
	d.fuse--
	return nil
}

// change applies a change of names now, and durably later.
func (d *simDisk) change(apply func(map[string]*simNode), dirs ...string) {
	apply(d.live)
	d.ops = append(d.ops, dirOp{dirs, apply})
}

func (d *simDisk) Open(name string, mode Mode) (File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.live[name]
	switch {
	case d.fuse == 0:
		return nil, errPowerOff
	case n != nil && mode == OpenNew:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrExist}
	case n == nil && (mode == OpenRead || mode == OpenWrite):
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	case n == nil:
		if parent := d.live[filepath.Dir(name)]; parent == nil || !parent.dir {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
		if err := d.mutate(); err != nil {
			return nil, &fs.PathError{Op: "open", Path: name, Err: err}
		}
		n = &simNode{}
		d.change(func(names map[string]*simNode) { names[name] = n }, filepath.Dir(name))
	case d.readOnly && mode != OpenRead:
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EROFS}
	}
	return &simFile{d, n}, nil
}

func (d *simDisk) Rename(from, to string, replace bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.live[from] == nil {
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
	}
	if d.live[to] != nil && !replace {
		return &fs.PathError{Op: "rename", Path: to, Err: fs.ErrExist}
	}
	if err := d.mutate(); err != nil {
		return err
	}
	n := d.live[from]
	d.change(func(names map[string]*simNode) { delete(names, from); names[to] = n }, filepath.Dir(from), filepath.Dir(to))
	return nil
}

func (d *simDisk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.live[name] == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	for other := range d.live {
		if strings.HasPrefix(other, name+"/") {
			return &fs.PathError{Op: "remove", Path: name, Err: syscall.ENOTEMPTY}
		}
	}
	if err := d.mutate(); err != nil {
		return err
	}
	d.change(func(names map[string]*simNode) { delete(names, name) }, filepath.Dir(name))
	return nil
}

func (d *simDisk) MkdirAll(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.live[dir] != nil {
		return nil
	}
	if dir != "/" {
		d.mu.Unlock()
		err := d.MkdirAll(filepath.Dir(dir))
		d.mu.Lock()
		if err != nil {
			return err
		}
	}
	if err := d.mutate(); err != nil {
		return &fs.PathError{Op: "mkdir", Path: dir, Err: err}
	}
	n := &simNode{dir: true}
	d.change(func(names map[string]*simNode) { names[dir] = n }, filepath.Dir(dir))
	return nil
}

func (d *simDisk) ReadDir(dir string) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.live[dir] == nil {
		return nil, &fs.PathError{Op: "open", Path: dir, Err: fs.ErrNotExist}
	}
	var names []string
	for name := range d.live {
		if name != "/" && filepath.Dir(name) == dir {
			names = append(names, filepath.Base(name))
		}
	}
	slices.Sort(names)
	return names, nil
}

func (d *simDisk) SyncDir(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.mutate(); err != nil && !errors.Is(err, syscall.EROFS) {
		return err
	}
	d.ops = slices.DeleteFunc(d.ops, func(op dirOp) bool {
		if !slices.Contains(op.dirs, dir) {
			return false
		}
		op.apply(d.durable)
		return true
	})
	return nil
}

func (d *simDisk) Lock(name string) (io.Closer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.live[name]
	if n == nil {
		return nil, &fs.PathError{Op: "lock", Path: name, Err: fs.ErrNotExist}
	}
	if d.locked[n] {
		return nil, ErrLocked
	}
	d.locked[n] = true
	return closerFunc(func() error {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.locked, n)
		return nil
	}), nil
}

type closerFunc func() error

func (f closerFunc) Close() error { return f() }

// powerLoss returns the disk as the next boot finds it: of the changes of names
// a random part, of the writes to each file a random part, some of them torn,
// none of them in order.
func (d *simDisk) powerLoss(rng *rand.Rand) *simDisk {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, op := range d.ops {
		if rng.IntN(2) == 0 {
			op.apply(d.durable)
		}
	}
	maps.DeleteFunc(d.durable, func(name string, _ *simNode) bool {
		for name != "/" {
			if name = filepath.Dir(name); d.durable[name] == nil {
				return true // nobody can reach it
			}
		}
		return false
	})
	next := newSimDisk()
	next.live, next.durable = map[string]*simNode{}, map[string]*simNode{}
	nodes := map[*simNode]*simNode{}
	for _, name := range slices.Sorted(maps.Keys(d.durable)) {
		n := d.durable[name]
		if nodes[n] == nil {
			data := n.afterLoss(rng)
			nodes[n] = &simNode{dir: n.dir, data: data, synced: slices.Clone(data)}
		}
		next.live[name], next.durable[name] = nodes[n], nodes[n]
	}
	return next
}

func (n *simNode) afterLoss(rng *rand.Rand) []byte {
	data := slices.Clone(n.synced)
	for len(n.pending) > 0 {
		// Between two truncations the disk is free to take any order.
		k := slices.IndexFunc(n.pending, func(w simWrite) bool { return w.data == nil })
		switch {
		case k == 0:
			if rng.IntN(2) == 0 {
				data = resized(data, n.pending[0].at)
			}
			n.pending = n.pending[1:]
			continue
		case k < 0:
			k = len(n.pending)
		}
		for _, i := range rng.Perm(k) {
			w := n.pending[i]
			from := rng.IntN(len(w.data))
			to := from + rng.IntN(len(w.data)-from) + 1
			switch rng.IntN(7) {
			case 0: // dropped
			case 1: // torn: one piece arrived
				data = overwritten(data, w.data[from:to], w.at+int64(from))
			case 2: // the file has grown, the content has not arrived
				data = overwritten(data, make([]byte, len(w.data)), w.at)
			case 3: // a piece is what the disk had there before
				data = overwritten(data, w.data, w.at)
				data = overwritten(data, garbage(rng, to-from), w.at+int64(from))
			default:
				data = overwritten(data, w.data, w.at)
			}
		}
		n.pending = n.pending[k:]
	}
	return data
}

func garbage(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

func resized(b []byte, n int64) []byte {
	if n <= int64(len(b)) {
		return b[:n:n]
	}
	return append(b, make([]byte, n-int64(len(b)))...)
}

func overwritten(b, w []byte, at int64) []byte {
	if end := at + int64(len(w)); end > int64(len(b)) {
		b = resized(b, end)
	}
	copy(b[at:], w)
	return b
}

type simFile struct {
	d *simDisk
	n *simNode
}

func (f *simFile) ReadAt(b []byte, at int64) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if at >= int64(len(f.n.data)) {
		return 0, io.EOF
	}
	n := copy(b, f.n.data[at:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *simFile) WriteAt(b []byte, at int64) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if err := f.d.mutate(); err != nil {
		return 0, err
	}
	var err error
	if f.d.room >= 0 && int64(len(b)) > f.d.room {
		b, err = b[:f.d.room], syscall.ENOSPC
	}
	if f.d.room >= 0 {
		f.d.room -= int64(len(b))
	}
	if len(b) > 0 {
		f.n.data = overwritten(f.n.data, b, at)
		f.n.pending = append(f.n.pending, simWrite{at, slices.Clone(b)})
	}
	return len(b), err
}

func (f *simFile) Truncate(size int64) error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if err := f.d.mutate(); err != nil {
		return err
	}
	f.n.data = resized(f.n.data, size)
	f.n.pending = append(f.n.pending, simWrite{at: size})
	return nil
}

func (f *simFile) Sync() error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if err := f.d.mutate(); err != nil {
		return err
	}
	if f.d.failSync > 0 {
		if f.d.failSync--; f.d.failSync == 0 {
			// What Linux does: the pages are marked clean, the next sync
			// reports success.
			f.n.pending = nil
			return syscall.EIO
		}
	}
	f.n.synced, f.n.pending = slices.Clone(f.n.data), nil
	return nil
}

func (f *simFile) Size() (int64, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	return int64(len(f.n.data)), nil
}

func (f *simFile) Close() error { return nil }

var (
	_ Disk = (*simDisk)(nil)
	_ File = (*simFile)(nil)
)
