package journal

import (
	"slices"

	"github.com/cortexlinux/cortex-host/sdk"
)

// A class is how a query was settled, in one byte: answered, answered by a
// fallback lane, or failed with a kind of error. The numbers are stored;
// a kind's number is its place in [sdk.Kinds], which is append only.
type class byte

const (
	classNone     class = 0 // not settled
	classAnswered class = 1
	classDegraded class = 2
	classOther    class = 3 // failed with a kind that this program does not know
	classFailed   class = 4 // and from here on: classFailed + place in sdk.Kinds
)

func classOf(r *sdk.Result) class {
	switch {
	case r.Success() && r.Degraded:
		return classDegraded
	case r.Success():
		return classAnswered
	}
	if r.Error != nil {
		if i := slices.Index(sdk.Kinds(), r.Error.Kind); i >= 0 {
			return classFailed + class(i)
		}
	}
	return classOther
}

// held reports whether the row may still be replaced by a better one, and is
// kept in the journal until the run is finished.
func (c class) held() bool { return c != classAnswered }

// failed reports whether the query has no full answer.
func (c class) failed() bool { return c >= classOther }

// kind returns the error kind of a failed class.
func (c class) kind() sdk.Kind {
	if kinds := sdk.Kinds(); c >= classFailed && int(c-classFailed) < len(kinds) {
		return kinds[c-classFailed]
	}
	return sdk.Internal
}

// String names the class for people.
func (c class) String() string {
	switch c {
	case classNone:
		return ""
	case classAnswered:
		return "answered"
	case classDegraded:
		return "degraded"
	}
	return string(c.kind())
}

// A slot is what memory holds of one query: 44 bits of its hash, the session
// that settled it and how.
type slot uint64

const (
	classBits   = 8
	sessionBits = 12
	maxSessions = 1<<sessionBits - 1
)

func makeSlot(hash uint64, session int, c class) slot {
	return slot(hash&^(1<<(classBits+sessionBits)-1)) | slot(session)<<classBits | slot(c)
}

func (s slot) class() class { return class(s) }
func (s slot) session() int { return int(s >> classBits & maxSessions) }
func (s slot) matches(hash uint64) bool {
	return (uint64(s)^hash)>>(classBits+sessionBits) == 0
}

// A table holds one [slot] for each query by its ordinal: eight bytes a query,
// in pages so that growing copies nothing.
type table struct{ pages []*[pageSlots]slot }

const pageSlots = 4096

func (t *table) get(index int64) slot {
	if p := index / pageSlots; p < int64(len(t.pages)) && t.pages[p] != nil {
		return t.pages[p][index%pageSlots]
	}
	return 0
}

func (t *table) set(index int64, s slot) {
	p := index / pageSlots
	for int64(len(t.pages)) <= p {
		t.pages = append(t.pages, nil)
	}
	if t.pages[p] == nil {
		t.pages[p] = new([pageSlots]slot)
	}
	t.pages[p][index%pageSlots] = s
}
