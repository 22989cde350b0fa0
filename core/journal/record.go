package journal

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// A recordKind is the first byte of a record. Kinds are append only. A reader
// skips a kind that it does not know if it is 128 or more, and refuses the
// journal otherwise.
type recordKind byte

const (
	kindPlan      recordKind = 1  // JSON planRecord, the first record
	kindSession   recordKind = 2  // JSON sessionRecord: a process opened the run
	kindStarted   recordKind = 3  // an attempt is about to be sent
	kindEnded     recordKind = 4  // its outcome
	kindAnswered  recordKind = 5  // a query is settled, its row is in the partial file
	kindHeld      recordKind = 6  // a query is settled, its row is in this record
	kindSynced    recordKind = 7  // the disk has confirmed both files to here
	kindCut       recordKind = 8  // the partial file was cut
	kindFinishing recordKind = 9  // JSON finishRecord: the final file is complete but has not its name yet
	kindFinished  recordKind = 10 // JSON finishRecord: it has
	kindClosed    recordKind = 11 // JSON closeRecord: the process ended in order

	firstSkippable recordKind = 128
)

// started is the body of kindStarted: the intent to send.
type started struct {
	Index    int64
	Number   int
	At       int64 // microseconds since 1970
	Reserved *sdk.Money
	QueryID  string
	Lane     string
	Model    string
	// ReservedTokens was added later: it is at the end, and 0 where it is missing.
	ReservedTokens int64
}

// ended is the body of kindEnded.
type ended struct {
	Index       int64
	Number      int
	Duration    time.Duration
	Cost        *sdk.Money
	Kind        sdk.Kind
	ModelServed string
	RequestID   string
	// Tokens was added later: it is at the end, and nil where it is missing.
	Tokens *int64
}

// settled is the body of kindAnswered and kindHeld: one query's outcome. The
// row of an answered query lies in the partial file at Offset; the row of a held
// one follows in the record.
type settled struct {
	Index  int64
	Hash   uint64
	Class  class
	Usage  sdk.Usage
	Offset int64
	Length int64
	CRC    uint32
	Row    []byte
}

// synced is the body of kindSynced: the lengths of both files that are durable.
type synced struct {
	Partial int64
	Journal int64
}

// syncedFrame is the size of a whole kindSynced record: fixed, so that
// one can be found behind damage.
const syncedFrame = frameSize + 1 + 8 + 8

func (r *started) append(b []byte) []byte {
	b = append(b, byte(kindStarted))
	b = binary.AppendUvarint(b, uint64(r.Index))
	b = binary.AppendUvarint(b, uint64(r.Number))
	b = binary.AppendVarint(b, r.At)
	b = appendMoney(b, r.Reserved)
	b = appendString(b, r.QueryID)
	b = appendString(b, r.Lane)
	b = appendString(b, r.Model)
	return binary.AppendUvarint(b, uint64(r.ReservedTokens))
}

func decodeStarted(body []byte) (started, error) {
	c := cursor{b: body[1:]}
	r := started{Index: c.ordinal(), Number: int(c.uvarint()), At: c.varint(), Reserved: c.money(), QueryID: c.string(), Lane: c.string(), Model: c.string()}
	if c.more() {
		r.ReservedTokens = c.tokens()
	}
	return r, c.err
}

func (r *ended) append(b []byte) []byte {
	b = append(b, byte(kindEnded))
	b = binary.AppendUvarint(b, uint64(r.Index))
	b = binary.AppendUvarint(b, uint64(r.Number))
	b = binary.AppendVarint(b, r.Duration.Microseconds())
	b = appendMoney(b, r.Cost)
	b = appendString(b, string(r.Kind))
	b = appendString(b, r.ModelServed)
	b = appendString(b, r.RequestID)
	if r.Tokens == nil {
		return b
	}
	return binary.AppendUvarint(b, uint64(*r.Tokens))
}

func decodeEnded(body []byte) (ended, error) {
	c := cursor{b: body[1:]}
	r := ended{Index: c.ordinal(), Number: int(c.uvarint()), Duration: time.Duration(c.varint()) * time.Microsecond,
		Cost: c.money(), Kind: sdk.Kind(c.string()), ModelServed: c.string(), RequestID: c.string()}
	if c.more() {
		r.Tokens = new(c.tokens())
	}
	return r, c.err
}

func (r *settled) append(b []byte) []byte {
	kind := kindAnswered
	if r.Class.held() {
		kind = kindHeld
	}
	b = append(b, byte(kind), byte(r.Class))
	b = binary.AppendUvarint(b, uint64(r.Index))
	b = binary.LittleEndian.AppendUint64(b, r.Hash)
	for _, n := range []int64{r.Usage.PromptTokens, r.Usage.CompletionTokens, r.Usage.CachedTokens, r.Usage.CacheWriteTokens, r.Usage.ReasoningTokens} {
		b = binary.AppendVarint(b, n)
	}
	if kind == kindHeld {
		return append(b, r.Row...)
	}
	b = binary.AppendUvarint(b, uint64(r.Offset))
	b = binary.AppendUvarint(b, uint64(r.Length))
	return binary.LittleEndian.AppendUint32(b, r.CRC)
}

// decodeSettled returns a Row that aliases body.
func decodeSettled(body []byte) (settled, error) {
	c := cursor{b: body[1:]}
	r := settled{Class: class(c.byte()), Index: c.ordinal(), Hash: c.uint64()}
	for _, n := range []*int64{&r.Usage.PromptTokens, &r.Usage.CompletionTokens, &r.Usage.CachedTokens, &r.Usage.CacheWriteTokens, &r.Usage.ReasoningTokens} {
		*n = c.varint()
	}
	if recordKind(body[0]) == kindHeld {
		r.Row = c.b
	} else {
		r.Offset, r.Length, r.CRC = c.place(), c.place(), c.uint32()
	}
	if c.err == nil && (r.Class == classNone || r.Class.held() != (recordKind(body[0]) == kindHeld)) {
		return r, errMalformed
	}
	return r, c.err
}

func (r *synced) append(b []byte) []byte {
	b = append(b, byte(kindSynced))
	b = binary.LittleEndian.AppendUint64(b, uint64(r.Partial))
	return binary.LittleEndian.AppendUint64(b, uint64(r.Journal))
}

func decodeSynced(body []byte) (synced, error) {
	c := cursor{b: body[1:]}
	r := synced{int64(c.uint64()), int64(c.uint64())}
	return r, c.err
}

// A cutRecord is the length to which the partial file was cut.
type cutRecord int64

func (r cutRecord) append(b []byte) []byte {
	return binary.AppendUvarint(append(b, byte(kindCut)), uint64(r))
}

func decodeCut(body []byte) (int64, error) {
	c := cursor{b: body[1:]}
	return c.place(), c.err
}

// appendMoney writes nil as 0 and an amount as 1 and the amount.
func appendMoney(b []byte, m *sdk.Money) []byte {
	if m == nil {
		return append(b, 0)
	}
	return binary.AppendVarint(append(b, 1), int64(*m))
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// maxQueries bounds a run, so that a damaged ordinal cannot ask for all memory.
const maxQueries = 1 << 32

// errMalformed is a record with a good checksum that makes no sense.
var errMalformed = errors.New("malformed record")

// A cursor takes values off the front of a body. After the first failure it
// returns zeros and keeps the error.
type cursor struct {
	b   []byte
	err error
}

func (c *cursor) take(n int) []byte {
	if c.err != nil || n < 0 || n > len(c.b) {
		c.err = errMalformed
		return make([]byte, min(8, max(0, n)))
	}
	v := c.b[:n]
	c.b = c.b[n:]
	return v
}

func (c *cursor) uvarint() uint64 {
	v, n := binary.Uvarint(c.b)
	if n <= 0 {
		c.err = errMalformed
		return 0
	}
	c.b = c.b[n:]
	return v
}

func (c *cursor) varint() int64 {
	v, n := binary.Varint(c.b)
	if n <= 0 {
		c.err = errMalformed
		return 0
	}
	c.b = c.b[n:]
	return v
}

// ordinal is the position of a query in the input.
func (c *cursor) ordinal() int64 { return c.upTo(maxQueries) }

// tokens is a number of tokens.
func (c *cursor) tokens() int64 { return c.upTo(1 << 56) }

// more reports whether there is more to take: a field that older records lack.
func (c *cursor) more() bool { return c.err == nil && len(c.b) > 0 }

// place is the position of a byte in a file.
func (c *cursor) place() int64 { return c.upTo(1 << 56) }

func (c *cursor) upTo(limit uint64) int64 {
	v := c.uvarint()
	if v >= limit {
		c.err = errMalformed
		return 0
	}
	return int64(v)
}

func (c *cursor) byte() byte     { return c.take(1)[0] }
func (c *cursor) uint32() uint32 { return binary.LittleEndian.Uint32(c.take(4)) }
func (c *cursor) uint64() uint64 { return binary.LittleEndian.Uint64(c.take(8)) }

func (c *cursor) string() string {
	n := c.uvarint()
	if n > uint64(len(c.b)) {
		c.err = errMalformed
		return ""
	}
	return string(c.take(int(n)))
}

func (c *cursor) money() *sdk.Money {
	if c.byte() == 0 || c.err != nil {
		return nil
	}
	m := sdk.Money(c.varint())
	return &m
}
