package format

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"os"
	"slices"
)

// A hashFile is a hash table in a file: pages of slots; a hash belongs into the
// page that lies as far into the file as the hash into all hashes, or, if that
// is full, into the next one with room. At most half the slots are used, so
// pages are rarely full; and since hashes in order are pages in order, sorted
// ones are added from front to back.
type hashFile struct {
	f     *os.File
	pages uint64
	used  uint64

	// The page in hand.
	page  [pageBytes]byte
	at    uint64
	held  bool
	dirty bool
}

const (
	pageBytes = 4096
	slotBytes = 16
	pageSlots = pageBytes / slotBytes
)

// newHashFile makes a file for at least so many slots. It has no name: when it
// is closed, or the process dies, it is gone.
func newHashFile(dir string, slots uint64) (*hashFile, error) {
	f, err := os.CreateTemp(dir, "cortex-host-ids-*")
	if err != nil {
		return nil, err
	}
	t := &hashFile{f: f, pages: (slots + pageSlots - 1) / pageSlots}
	if err := errors.Join(os.Remove(f.Name()), f.Truncate(int64(t.pages*pageBytes))); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return t, nil
}

func (t *hashFile) slots() uint64 { return t.pages * pageSlots }

// turn takes a page in hand.
func (t *hashFile) turn(page uint64) error {
	if t.held && t.at == page {
		return nil
	}
	if err := t.flush(); err != nil {
		return err
	}
	_, err := t.f.ReadAt(t.page[:], int64(page*pageBytes))
	t.at, t.held = page, err == nil
	return err
}

// flush writes the page in hand if it has changed.
func (t *hashFile) flush() error {
	if !t.dirty {
		return nil
	}
	t.dirty = false
	_, err := t.f.WriteAt(t.page[:], int64(t.at*pageBytes))
	return err
}

// find takes the page in hand that has h, or else the slot where it belongs.
func (t *hashFile) find(h idHash) (slot []byte, found bool, err error) {
	page, _ := bits.Mul64(binary.BigEndian.Uint64(h[:]), t.pages)
	for ; ; page = (page + 1) % t.pages {
		if err := t.turn(page); err != nil {
			return nil, false, err
		}
		for at := 0; at < pageBytes; at += slotBytes {
			slot := t.page[at : at+slotBytes]
			switch idHash(slot) {
			case h:
				return slot, true, nil
			case idHash{}:
				return slot, false, nil
			}
		}
	}
}

func (t *hashFile) has(h idHash) (bool, error) {
	_, found, err := t.find(h)
	return found, err
}

// addSorted adds hashes; if they are sorted, each page is turned but once. Call
// flush after the last.
func (t *hashFile) addSorted(hashes []idHash) error {
	for _, h := range hashes {
		slot, found, err := t.find(h)
		if err != nil {
			return err
		}
		if !found {
			copy(slot, h[:])
			t.used++
			t.dirty = true
		}
	}
	return nil
}

// eachPage calls do with the hashes of each page in turn, sorted.
func (t *hashFile) eachPage(do func([]idHash) error) error {
	hashes := make([]idHash, 0, pageSlots)
	for page := range t.pages {
		if err := t.turn(page); err != nil {
			return err
		}
		hashes = hashes[:0]
		for at := 0; at < pageBytes; at += slotBytes {
			if h := idHash(t.page[at : at+slotBytes]); h != (idHash{}) {
				hashes = append(hashes, h)
			}
		}
		slices.SortFunc(hashes, compareHashes)
		if err := do(hashes); err != nil {
			return err
		}
	}
	return nil
}
