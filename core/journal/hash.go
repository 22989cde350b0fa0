package journal

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/cortexlinux/cortex-host/sdk"
)

// A hasher makes the hash by which a query is known again when a run is
// resumed: of its JSON, so of everything that decides the row. Priority is
// left out: it may change. The buffer is kept between queries.
type hasher struct {
	buf  []byte
	byID bool // the id alone: see [Plan.ByID]
}

func (h *hasher) sum(q *sdk.Query) uint64 {
	if h.byID {
		q = &sdk.Query{ID: q.ID}
	}
	ordinary := *q
	ordinary.Priority = 0
	h.buf = ordinary.AppendJSON(h.buf[:0])
	sum := sha256.Sum256(h.buf)
	return binary.LittleEndian.Uint64(sum[:])
}
