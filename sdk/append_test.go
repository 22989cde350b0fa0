package sdk

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"testing"
)

func TestAppendJSONReadsBack(t *testing.T) {
	f, err := os.Open("../testdata/query/valid.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		want, err := DecodeQuery(lines.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		line := want.AppendJSON(nil)
		got, err := DecodeQuery(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s reads back as %+v, want %+v", line, got, want)
		}
	}
}

func FuzzAppendString(f *testing.F) {
	f.Add("a\"\\\x00\n\u2028é😀\xff<>&")
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		line := AppendString(nil, s)
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if want := string(bytes.ToValidUTF8([]byte(s), nil)); got != want && want == s {
			t.Fatalf("%q reads back as %q", s, got)
		}
	})
}
