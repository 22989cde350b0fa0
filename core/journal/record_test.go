package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cortexlinux/cortex-host/sdk"
)

func TestHashTellsQueriesApart(t *testing.T) {
	zero, one, n := 0.0, 1.0, 5
	queries := []sdk.Query{
		{}, {ID: "a"}, {Model: "a"}, {Provider: "a"}, {TaskType: "a"}, {Temperature: &zero}, {Temperature: &one}, {MaxTokens: &n},
		{Messages: []sdk.Message{{}}}, {Tools: []sdk.Tool{{Name: "a"}}}, {ToolChoice: "a"}, {ResponseFormat: &sdk.ResponseFormat{Name: "a", Schema: []byte("{}")}},
		{Messages: []sdk.Message{{Text: "a"}}}, {Messages: []sdk.Message{{Role: "a"}}},
		{Messages: []sdk.Message{{Parts: []sdk.Part{{Text: "a"}}}}}, {Messages: []sdk.Message{{Parts: []sdk.Part{{Image: &sdk.Image{URL: "a"}}}}}},
		{Metadata: map[string]string{"a": "b"}}, {Options: map[string]json.RawMessage{"a": []byte(`"b"`)}},
	}
	var h hasher
	seen := map[uint64]int{}
	for i := range queries {
		sum := h.sum(&queries[i])
		if j, twice := seen[sum]; twice {
			t.Errorf("queries %d and %d have one hash", i, j)
		}
		seen[sum] = i
	}
	urgent := sdk.Query{ID: "a", Priority: 9}
	if h.sum(&urgent) != h.sum(&queries[1]) {
		t.Error("priority may change on resume")
	}
}

func TestRecordsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		index, text := rapid.Int64Range(0, maxQueries-1).Draw(t, "index"), rapid.String().Draw(t, "text")
		var money *sdk.Money
		if rapid.Bool().Draw(t, "priced") {
			m := sdk.Money(rapid.Int64().Draw(t, "money"))
			money = &m
		}
		a := started{Index: index, Number: 3, At: rapid.Int64().Draw(t, "at"), Reserved: money, QueryID: text, Lane: "l", Model: text}
		if b, err := decodeStarted(a.append(nil)); err != nil || fmt.Sprint(b.Index, b.At, b.QueryID, b.Model) != fmt.Sprint(a.Index, a.At, a.QueryID, a.Model) || (b.Reserved == nil) != (money == nil) {
			t.Fatalf("%+v %+v %v", a, b, err)
		}
		e := ended{Index: index, Number: 1, Duration: 5 * time.Microsecond, Cost: money, Kind: sdk.InDoubt, RequestID: text}
		if b, err := decodeEnded(e.append(nil)); err != nil || b.RequestID != text || b.Kind != sdk.InDoubt || b.Duration != e.Duration {
			t.Fatalf("%+v %+v %v", e, b, err)
		}
		s := settled{Index: index, Hash: uint64(index), Class: classAnswered, Offset: index, Length: 9, CRC: 7}
		if b, err := decodeSettled(s.append(nil)); err != nil || fmt.Sprint(b) != fmt.Sprint(s) {
			t.Fatalf("%+v %+v %v", s, b, err)
		}
		s = settled{Index: index, Class: classFailed, Row: []byte(text)}
		if b, err := decodeSettled(s.append(nil)); err != nil || string(b.Row) != text {
			t.Fatalf("%+v %+v %v", s, b, err)
		}
	})
}

// Whatever records are in a journal, in whatever order, behind them whatever
// bytes, and whatever is in the partial file: reading ends with a history or an
// error, and no row of the history reaches beyond the file.
func FuzzReplay(f *testing.F) {
	const salt = 7
	m := sdk.Money(5)
	var bodies []byte
	for _, rec := range []record{&started{Index: 1, QueryID: "q", Reserved: &m}, &ended{Index: 1}, &settled{Index: 1, Class: classAnswered, Length: 3},
		&settled{Index: 2, Class: classFailed, Row: []byte("row")}, &synced{3, 50}, cutRecord(2), jsonRecord{kindSession, sessionRecord{}}} {
		body := rec.append(nil)
		bodies = append(append(bodies, byte(len(body))), body...)
	}
	f.Add(bodies, []byte("torn"), []byte("row"))
	f.Fuzz(func(t *testing.T, bodies, tail, partial []byte) {
		journal := appendHead(nil, salt)
		journal = appendFramed(journal, salt, 0, jsonRecord{kindPlan, planRecord{Run: "r"}})
		journal = appendFramed(journal, salt, 0, jsonRecord{kindSession, sessionRecord{}})
		for len(bodies) > 1 {
			n := min(int(bodies[0]), len(bodies)-1)
			if n > 0 {
				journal = appendFramed(journal, salt, 0, rawRecord(bodies[1:1+n]))
			}
			bodies = bodies[1+n:]
		}
		journal = append(journal, tail...)
		file := &simFile{newSimDisk(), &simNode{data: journal}}
		rows := func(*history) (io.ReaderAt, error) { return bytes.NewReader(partial), nil }
		h, err := replay(context.Background(), file, "journal", rows)
		if err != nil {
			return
		}
		if h.end > int64(len(journal)) || h.partial > max(h.marked, int64(len(partial))) {
			t.Fatalf("the history ends at %d of %d, its rows at %d of %d", h.end, len(journal), h.partial, len(partial))
		}
	})
}

type rawRecord []byte

func (r rawRecord) append(b []byte) []byte { return append(b, r...) }

// Records with good checksums but any body: the decoders refuse or accept,
// and what they accept they write again as it was.
func FuzzRecord(f *testing.F) {
	m := sdk.Money(5)
	for _, rec := range []record{&started{Index: 1, QueryID: "q", Reserved: &m}, &ended{Kind: sdk.InDoubt}, &settled{Class: classAnswered, Length: 3},
		&settled{Class: classFailed, Row: []byte("row")}, &synced{1, 2}, cutRecord(3)} {
		f.Add(rec.append(nil))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) == 0 {
			return
		}
		h := &history{ledger: newLedger()}
		h.slots = &table{}
		_ = h.note(headSize, body)
		if r, err := decodeSettled(body); err == nil && r.Index < 1<<20 {
			h.settled(&r)
			if again, err := decodeSettled(r.append(nil)); err != nil || !bytes.Equal(again.Row, r.Row) || again.Index != r.Index {
				t.Fatalf("%+v became %+v, %v", r, again, err)
			}
		}
		if r, err := decodeStarted(body); err == nil {
			h.started(&r)
		}
		if r, err := decodeEnded(body); err == nil {
			h.ended(&r)
		}
	})
}
