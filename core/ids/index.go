// Package ids finds ids that occur twice in streams without end, in bounded
// memory.
//
//	seen := ids.NewIndex("")
//	defer seen.Close()
//	fresh, err := seen.Add(query.ID)
package ids

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
)

// An Index knows which ids it has seen, in a few megabytes of memory however
// many there are: the latest are in a map, the others in a temporary file
// without a name, sixteen bytes of hash each. Two different ids are taken for
// one with a chance of one in 10^26 at a million, whoever chose them.
//
// Where no file can be written, for want of room, say, they stay in memory:
// a run that is paid for does not end because of that.
//
// An Index is for one goroutine. Close it.
type Index struct {
	dir  string
	few  map[idHash]struct{} // those that are not in the file yet
	full bool                // nothing more can be written
	sift *sieve              // nil as long as there is no file
	disk *hashFile
}

type idHash [16]byte

// indexInMemory is how many ids stay in memory before they go to the file
// together: writing them one by one costs ten times as much.
const indexInMemory = 50_000

// NewIndex returns an empty index whose file, if it needs one, is in dir; empty
// is the system's directory for temporary files.
func NewIndex(dir string) *Index {
	return &Index{dir: dir, few: map[idHash]struct{}{}}
}

// Add adds an id and reports whether it is new.
func (x *Index) Add(id string) (fresh bool, err error) {
	sum := sha256.Sum256([]byte(id))
	h := idHash(sum[:16])
	if h == (idHash{}) {
		h[0] = 1 // all zeros is an empty slot
	}
	if _, seen := x.few[h]; seen {
		return false, nil
	}
	if x.disk != nil && x.sift.maybe(h) {
		seen, err := x.disk.has(h)
		if err != nil {
			return false, fmt.Errorf("the index of ids in %s: %w", cmp.Or(x.dir, os.TempDir()), err)
		}
		if seen {
			return false, nil
		}
	}
	x.few[h] = struct{}{}
	if len(x.few) >= indexInMemory && !x.full && x.spill() != nil {
		x.full = true
		if x.disk != nil {
			x.disk.dirty = false // all of it is in memory still
		}
	}
	return true, nil
}

// spill moves the ids in memory to the file, in the order of its pages.
func (x *Index) spill() error {
	if x.disk == nil {
		disk, err := newHashFile(x.dir, 8*indexInMemory)
		if err != nil {
			return err
		}
		x.disk, x.sift = disk, &sieve{}
	}
	batch := slices.AppendSeq(make([]idHash, 0, len(x.few)), maps.Keys(x.few))
	slices.SortFunc(batch, compareHashes)
	if x.disk.used+uint64(len(batch)) > x.disk.slots()/2 {
		if err := x.grow(); err != nil {
			return err
		}
	}
	for _, h := range batch {
		x.sift.add(h)
	}
	if err := x.disk.addSorted(batch); err != nil {
		return err
	}
	if err := x.disk.flush(); err != nil {
		return err
	}
	clear(x.few)
	return nil
}

// grow moves the ids to a file twice as large.
func (x *Index) grow() error {
	bigger, err := newHashFile(x.dir, 2*x.disk.slots())
	if err != nil {
		return err
	}
	err = x.disk.eachPage(bigger.addSorted)
	if err == nil {
		err = bigger.flush()
	}
	if err != nil {
		return errors.Join(err, bigger.f.Close())
	}
	old := x.disk
	x.disk = bigger
	return old.f.Close()
}

func compareHashes(a, b idHash) int { return bytes.Compare(a[:], b[:]) }

// Close gives the file back.
func (x *Index) Close() error {
	if x.disk == nil {
		return nil
	}
	return x.disk.f.Close()
}

// A sieve is a Bloom filter: it says of most ids that are not in the file that
// they are not, so that the file need not be asked.
type sieve [1 << 19]uint64 // four megabytes

func (s *sieve) add(h idHash) {
	for _, bit := range sieveBits(h) {
		s[bit/64] |= 1 << (bit % 64)
	}
}

func (s *sieve) maybe(h idHash) bool {
	for _, bit := range sieveBits(h) {
		if s[bit/64]&(1<<(bit%64)) == 0 {
			return false
		}
	}
	return true
}

// sieveBits takes three bits from the half of the hash that does not choose
// the page.
func sieveBits(h idHash) [3]uint64 {
	const bits = uint64(len(sieve{}) * 64)
	v := binary.BigEndian.Uint64(h[8:])
	return [3]uint64{v % bits, v >> 19 % bits, v >> 38 % bits}
}
