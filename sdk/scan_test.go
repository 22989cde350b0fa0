package sdk

import (
	"bufio"
	"os"
	"reflect"
	"testing"
)

const ordinaryQuery = `{"id":"q123","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"What is \"nginx\"?\n\u00e9"}],` +
	`"task_type":"system_operation","model":"m","temperature":0.2,"max_tokens":100,"priority":-3,"metadata":{"package":"nginx"}}`

// What the fast way accepts is what encoding/json makes of it.
func FuzzScanQueryAgrees(f *testing.F) {
	for _, path := range []string{"../testdata/query/valid.ndjson", "../testdata/query/invalid.ndjson"} {
		file, err := os.Open(path)
		if err != nil {
			f.Fatal(err)
		}
		defer file.Close()
		for lines := bufio.NewScanner(file); lines.Scan(); {
			f.Add(lines.Bytes())
		}
	}
	for _, seed := range []string{
		ordinaryQuery, `{"id":"a","id":"b"}`, `{"ID":"a"}`, `{"id":null,"messages":null,"metadata":null,"temperature":null}`,
		`{"metadata":{"a":"b","a":"c"}}`, `{"messages":[null]}`, `{"messages":[{"content":null}]}`, `{"priority":1.0}`, `{"priority":1e2}`,
		`{"max_tokens":01}`, `{"temperature":"1"}`, `{"temperature":1e999}`, `{"messages":[{"role":"user","content":"x","name":"y"}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, ok := ScanQuery(data, nil)
		if !ok {
			return
		}
		var want Query
		if err := strict(data, &want); err != nil {
			t.Fatalf("%q is accepted, but %v", data, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q is read as\n%+v, want\n%+v", data, got, want)
		}
	})
}

func TestOrdinaryQueriesTakeTheFastWay(t *testing.T) {
	if q, ok := ScanQuery([]byte(ordinaryQuery), nil); !ok {
		t.Errorf("a surprise after %+v", q)
	}
}

func BenchmarkDecodeQuery(b *testing.B) {
	line := []byte(ordinaryQuery)
	b.ReportAllocs()
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		if _, err := DecodeQuery(line); err != nil {
			b.Fatal(err)
		}
	}
}
