package format_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cortexlinux/cortex-host/core/format"
)

// What is only looked at is what is read otherwise, to the last error.
func TestAGlanceSeesWhatAReadingDoes(t *testing.T) {
	var file bytes.Buffer
	for _, name := range []string{"valid", "invalid"} {
		data, err := os.ReadFile("../../testdata/query/" + name + ".ndjson")
		if err != nil {
			t.Fatal(err)
		}
		file.Write(data)
	}
	for i := range 1000 { // more than a buffer, of lines that are not alike
		fmt.Fprintf(&file, `{"id":"q%d\n","messages":[{"role":"user","content":"\t%s"},{"role":"assistant","content":%q}],"provider":"p%d"}`+"\n",
			i%900, strings.Repeat("x", i%250), strings.Repeat("\n", i%7), i)
	}
	read := func(glance bool) (rows []string) {
		in := format.Input{Name: "q", KeepGoing: true, Glance: glance}
		for q, err := range format.Read(bytes.NewReader(file.Bytes()), in, format.ReadOptions{Kind: format.KindNDJSON}) {
			rows = append(rows, fmt.Sprintf("%s %v", q.AppendJSON(nil), err))
		}
		return rows
	}
	if got, want := read(true), read(false); !slices.Equal(got, want) {
		for i := range min(len(got), len(want)) {
			if got[i] != want[i] {
				t.Fatalf("row %d is seen as\n%s, want\n%s", i, got[i], want[i])
			}
		}
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
}

// A file is checked without memory for its queries.
func TestAGlanceTakesNoMemoryForAQuery(t *testing.T) {
	const n = 2000
	file := strings.Repeat(`{"id":"same","messages":[{"role":"system","content":"Be\nbrief."},{"role":"user","content":"What is nginx?"}],"model":"m"}`+"\n", n)
	got := testing.AllocsPerRun(5, func() {
		in := format.Input{Name: "q", Unique: true, Glance: true}
		for _, err := range format.Read(strings.NewReader(file), in, format.ReadOptions{Kind: format.KindNDJSON}) {
			if err != nil {
				t.Fatal(err)
			}
		}
	})
	if got > n/10 {
		t.Errorf("%v allocations for %d queries", got, n)
	}
}
