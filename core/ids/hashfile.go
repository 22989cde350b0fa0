package ids

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

	// The pages in hand: some in a row, from at.
	hand   [wide * pageBytes]byte
	at     uint64
	inHand uint64
	dirty  bool
}

const (
	pageBytes = 4096
	wide      = 32 // pages that are taken in hand at once where most are wanted
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

// turn takes a page in hand, and with it those around it up to span, and
// returns it.
func (t *hashFile) turn(page, span uint64) ([]byte, error) {
	if page < t.at || page >= t.at+t.inHand {
		if err := t.flush(); err != nil {
			return nil, err
		}
		t.at, t.inHand = page-page%span, 0
		n := min(span, t.pages-t.at)
		if _, err := t.f.ReadAt(t.hand[:n*pageBytes], int64(t.at*pageBytes)); err != nil {
			return nil, err
		}
		t.inHand = n
	}
	from := (page - t.at) * pageBytes
	return t.hand[from : from+pageBytes], nil
}

// flush writes the pages in hand if one has changed.
func (t *hashFile) flush() error {
	if !t.dirty {
		return nil
	}
	t.dirty = false
	_, err := t.f.WriteAt(t.hand[:t.inHand*pageBytes], int64(t.at*pageBytes))
	return err
}

// pageOf is the page where a hash belongs.
func (t *hashFile) pageOf(h idHash) uint64 {
	page, _ := bits.Mul64(binary.BigEndian.Uint64(h[:]), t.pages)
	return page
}

// find takes in hand the page that has h, or else the slot where it belongs.
func (t *hashFile) find(h idHash, span uint64) (slot []byte, found bool, err error) {
	for number := t.pageOf(h); ; number = (number + 1) % t.pages {
		page, err := t.turn(number, span)
		if err != nil {
			return nil, false, err
		}
		for at := 0; at < pageBytes; at += slotBytes {
			slot := page[at : at+slotBytes]
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
	_, found, err := t.find(h, 1)
	return found, err
}

// addSorted adds hashes in their order, so that each page is turned but once.
// Call flush after the last.
func (t *hashFile) addSorted(hashes []idHash) error {
	if len(hashes) == 0 {
		return nil
	}
	span := uint64(1)
	if t.pageOf(hashes[len(hashes)-1])-t.pageOf(hashes[0]) < 4*uint64(len(hashes)) {
		span = wide
	}
	for _, h := range hashes {
		slot, found, err := t.find(h, span)
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
	for number := range t.pages {
		page, err := t.turn(number, wide)
		if err != nil {
			return err
		}
		hashes = hashes[:0]
		for at := 0; at < pageBytes; at += slotBytes {
			if h := idHash(page[at : at+slotBytes]); h != (idHash{}) {
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
