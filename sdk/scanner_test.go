package sdk_test

import (
	"encoding/json"
	"testing"

	"github.com/cortexlinux/cortex-host/sdk"
)

// What the scanner accepts is JSON, and its strings are encoding/json's.
func FuzzScanner(f *testing.F) {
	for _, seed := range []string{
		`{"a":"b\n\u00e9","c":[1,-0.5e+3,true,null,{}],"d":{"e":"\\"}}`, ` [ "x" , "\ud83d\ude00" , 0 ] `, `"\ud800"`, `01`, `-`, `1.`, `{"a":1,}`, `nul`, `{"a" 1}`, "\"\xff\"", "\"\x01\"", `"\x"`, `{} {}`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s := sdk.NewScanner(data)
		s.Skip()
		if s.Done() && !json.Valid(data) {
			t.Fatalf("%q is no JSON", data)
		}
		s = sdk.NewScanner(data)
		got := s.String()
		if want := ""; s.Done() {
			if err := json.Unmarshal(data, &want); err != nil || got != want {
				t.Fatalf("%q: got %q, want %q (%v)", data, got, want, err)
			}
		}
		s = sdk.NewScanner(data)
		members := map[string]json.RawMessage{}
		s.Object(func(key []byte) { k := string(key); members[k] = s.Raw() })
		if want := map[string]json.RawMessage{}; s.Done() {
			if err := json.Unmarshal(data, &want); err != nil || len(want) != len(members) {
				t.Fatalf("%q: got %d members, want %d (%v)", data, len(members), len(want), err)
			}
		}
	})
}

func TestScannerTakesOrdinaryReplies(t *testing.T) {
	for _, text := range []string{`{"a":"b\n\u00e9 \ud83d\ude00 é","c":[1,-0.5e+3,true,false,null,{}],"d":{"e":"\\\/\""}}`, " [ ] ", "null", "-0", `"😀"`} {
		s := sdk.NewScanner([]byte(text))
		if s.Skip(); !s.Done() {
			t.Errorf("%s surprises it", text)
		}
	}
}
