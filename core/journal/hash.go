package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"
	"strconv"

	"github.com/cortexlinux/cortex-host/sdk"
)

// A hasher makes the hash by which a query is known again when a run is
// resumed. It covers everything that decides the row: what is sent, to whom,
// and what is carried to the result. Priority is left out: it may change.
//
// Every value goes in behind its length, so no two queries run into each
// other. The buffer is kept between queries.
type hasher struct{ buf []byte }

func (h *hasher) sum(q *sdk.Query) uint64 {
	h.buf = h.buf[:0]
	h.text(q.ID)
	h.text(string(q.TaskType))
	h.text(q.Provider)
	h.text(q.Model)
	h.number(q.Temperature != nil, func() string { return strconv.FormatUint(math.Float64bits(*q.Temperature), 16) })
	h.number(q.MaxTokens != nil, func() string { return strconv.Itoa(*q.MaxTokens) })
	h.count(len(q.Messages))
	for _, m := range q.Messages {
		h.text(string(m.Role))
		h.text(m.Text)
		h.count(len(m.Parts))
		for _, p := range m.Parts {
			h.text(p.Text)
			if p.Image == nil {
				h.count(0)
			} else {
				h.count(1)
				h.text(p.Image.URL)
				h.text(p.Image.Detail)
			}
		}
	}
	h.count(len(q.Metadata))
	for _, name := range sortedKeys(q.Metadata) {
		h.text(name)
		h.text(q.Metadata[name])
	}
	h.count(len(q.Options))
	for _, name := range sortedKeys(q.Options) {
		h.text(name)
		h.text(string(q.Options[name]))
	}
	sum := sha256.Sum256(h.buf)
	return binary.LittleEndian.Uint64(sum[:])
}

func (h *hasher) text(s string) { h.buf = appendString(h.buf, s) }
func (h *hasher) count(n int)   { h.buf = binary.AppendUvarint(h.buf, uint64(n)) }

// number tells an optional number that is unset from every value.
func (h *hasher) number(set bool, value func() string) {
	if !set {
		h.buf = append(h.buf, 0)
		return
	}
	h.text(value())
}

func sortedKeys[V any](m map[string]V) []string {
	if len(m) == 0 {
		return nil
	}
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
