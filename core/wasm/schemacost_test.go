package wasm

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// doubling is a schema of n definitions of which each uses the next one twice.
func doubling(n int) string {
	var b strings.Builder
	b.WriteString(`{"type":"object","properties":{"a":{"$ref":"#/$defs/d0","default":1}},"$defs":{`)
	for i := range n {
		fmt.Fprintf(&b, `"d%d":{"allOf":[{"$ref":"#/$defs/d%d"},{"$ref":"#/$defs/d%d"}]},`, i, i+1, i+1)
	}
	fmt.Fprintf(&b, `"d%d":{"type":"integer"}}}`, n)
	return b.String()
}

// A manifest is read in the host's process: no schema may keep it busy.
func TestSchemasAreBounded(t *testing.T) {
	object := func(property string) string { return `{"type":"object","properties":{"a":` + property + `}}` }
	many := "[" + strings.Repeat("1,", 2000) + "1]"
	for name, c := range map[string]struct{ params, mention string }{
		"references that double":   {doubling(40), "4096 values"},
		"a few references":         {doubling(3), ""},
		"a reference to itself":    {object(`{"items":{"$ref":"#/properties/a"}}`), "refers to itself"},
		"a reference to the whole": {object(`{"$ref":"#"}`), "refers to itself"},
		"a reference elsewhere":    {object(`{"$ref":"https://example.com/"}`), "JSON pointer"},
		"a reference to a file":    {object(`{"$ref":"file:///etc/passwd"}`), "JSON pointer"},
		"a reference to nothing":   {object(`{"$ref":"#/$defs/b"}`), "points to nothing"},
		"an empty member name":     {`{"type":"object","properties":{"a":{"$ref":"#/$defs/x/"}},"$defs":{"x":{"":{"type":"integer"}}}}`, ""},
		"a dynamic reference":      {object(`{"$dynamicRef":"#a"}`), "$dynamicRef"},
		"another base":             {object(`{"$id":"https://example.com/x","type":"integer"}`), "$id"},
		"long patterns":            {object(`{"pattern":"` + strings.Repeat("[a-z]{1000}", 2000) + `"}`), "2048 bytes"},
		"a slow pattern":           {object(`{"pattern":"(.*a){300}z","default":"` + strings.Repeat("a", 230_000) + `"}`), "too long"},
		"no pattern":               {object(`{"pattern":"("}`), `pattern "("`},
		"many values":              {object(`{"items":{"allOf":[` + strings.Repeat(`{"type":"integer"},`, 500) + `{}]},"default":` + many + `}`), "too long"},
	} {
		manifest := `{"abi":1,"kind":"generator","name":"x","version":"1.0.0","summary":"s","params":` + c.params + `,"presets":[{"name":"p","params":{}}]}`
		start := time.Now()
		_, err := ParseManifest([]byte(manifest))
		switch {
		case c.mention == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.mention != "" && (err == nil || !strings.Contains(err.Error(), c.mention)):
			t.Errorf("%s: %.300v does not mention %s", name, err, c.mention)
		case err != nil && len(err.Error()) > 500:
			t.Errorf("%s: an error of %d bytes", name, len(err.Error()))
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%s: it took %v", name, took)
		}
	}
}
