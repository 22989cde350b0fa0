package wasm

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/cortexlinux/cortex-host/sdk"
)

// The quick way must never say anything else than the careful one.
func FuzzScanQuery(f *testing.F) {
	for _, path := range []string{"../../testdata/query/valid.ndjson", "../../testdata/query/invalid.ndjson"} {
		file, err := os.Open(path)
		if err != nil {
			f.Fatal(err)
		}
		for lines := bufio.NewScanner(file); lines.Scan(); {
			f.Add(lines.Bytes())
		}
		file.Close()
	}
	f.Add([]byte(`{"id":"a","use":"p","messages":[{"role":"user","content":"\u00e9\ud83d\ude00\ud83d\n"}],"max_tokens":10,"priority":-1,"metadata":{"a":"b"}}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		if !utf8.Valid(line) || len(line) == 0 {
			return
		}
		quick, ok := scanQuery(line)
		if !ok {
			return
		}
		careful, err := parseRecord(line)
		if err != nil {
			t.Fatalf("%q: the careful way refuses it: %v", line, err)
		}
		if !reflect.DeepEqual(quick, careful) {
			t.Fatalf("%q:\nquick   %+v\ncareful %+v", line, quick, careful)
		}
	})
}

// Nothing that a guest prints may break the decoder.
func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"prompt":{"id":"p","messages":[{"role":"system","content":"x"}]}}`))
	f.Add([]byte(`{"error":{"id":"a","message":"no"}}`))
	f.Add([]byte(`{"id":"a","messages":[{"role":"user","content":[{"type":"text","text":"x"}]}],"temperature":1e99999}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		d := newDecoder(Limits{}.withDefaults(), Allow{}, func() int64 { return 1 })
		q, has, err := d.record(line)
		if has && err != nil || has && q.Validate() != nil {
			t.Fatalf("%q: %+v, %v", line, q, err)
		}
		if has && (q.Provider != "" || q.Model != "" || len(q.Options) > 0) {
			t.Fatalf("%q chooses for itself", line)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("\x00asm\x01\x00\x00\x00\x02\x0b\x01\x03env\x03foo\x00\x00"))
	f.Fuzz(func(t *testing.T, module []byte) {
		if m, err := Parse("x", module); err == nil && m.Manifest.Name == "" {
			t.Fatal("a module without a name")
		}
	})
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"abi":1,"kind":"generator","name":"x","version":"1.0.0","summary":"s","params":{"type":"object","properties":{"a":{"type":"integer","maximum":1e9}}}}`), []byte(`{"a":5}`))
	f.Fuzz(func(t *testing.T, manifest, params []byte) {
		m, err := ParseManifest(manifest)
		if err != nil {
			return
		}
		schema, err := compileParams(m.Params)
		if err != nil {
			t.Fatal(err)
		}
		var given map[string]json.RawMessage
		if json.Unmarshal(params, &given) == nil {
			_, _ = schema.resolve(given, nil, maxCheckWork)
		}
	})
}

func FuzzReadFrame(f *testing.F) {
	f.Add(appendFrame(nil, frameOutput, []byte("x")))
	buf := make([]byte, maxFrame)
	f.Fuzz(func(t *testing.T, in []byte) {
		r := strings.NewReader(string(in))
		for {
			_, payload, err := readFrame(r, buf)
			if err != nil {
				return
			}
			_, _ = parseEnd(payload)
		}
	})
}

// Where the pieces of a guest's output end has no meaning.
func FuzzOutput(f *testing.F) {
	f.Add([]byte(`{"id":"a","messages":[{"role":"user","content":"x"}]}`+"\n"+`{"id":"b"`), 3)
	f.Add([]byte("\n\n{}\n"), 1)
	f.Fuzz(func(t *testing.T, output []byte, size int) {
		read := func(size int) string {
			var got strings.Builder
			limits := Limits{RecordBytes: 200, OutputBytes: 1000}.withDefaults()
			s := &session{limits: limits, module: &Module{}, end: &childEnd{}, decode: newDecoder(limits, Allow{}, func() int64 { return 1 })}
			s.yield = func(q sdk.Query, err error) bool {
				fmt.Fprintln(&got, q.ID, err)
				return true
			}
			var err error
			for chunk := range slices.Chunk(output, size) {
				if err = s.take(bytes.Clone(chunk)); err != nil {
					break
				}
			}
			if err == nil {
				err = s.endOfOutput()
			}
			var e *Error
			if errors.As(err, &e) {
				fmt.Fprintln(&got, e.Reason)
			}
			return got.String()
		}
		// How much of what is too long was judged before that was noticed may
		// differ; what comes of output within the limits may not.
		whole, pieces := read(max(len(output), 1)), read(min(max(size, 1), 1<<16))
		if whole != pieces && !strings.Contains(whole+pieces, string(LimitExceeded)) {
			t.Fatalf("%q: %q, in pieces of %d %q", output, whole, size, pieces)
		}
	})
}

// A canonical form is JSON, says the same, and is its own canonical form.
func FuzzCanonical(f *testing.F) {
	f.Add([]byte(`{"b":1.50,"a":["\ud83d\ude00",null,-0,1e400]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		once, err := Canonical(raw)
		if err != nil {
			return
		}
		twice, err := Canonical(once)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%q: %s, then %s (%v)", raw, once, twice, err)
		}
	})
}

// What guests read has no escapes but the promised ones, and means what the user
// wrote.
func FuzzPlainTexts(f *testing.F) {
	for _, seed := range []string{`{"a":"\ud83d\ude00\/\b\u0000\n"}`, `["\\u0041\\","\"","\ud800"]`, `{"\u0061\u0000":{"":"x"}}`, `"\\"`} {
		f.Add([]byte(seed))
	}
	escapes := regexp.MustCompile(`\\(u00(0[1-9a-f]|1[0-9a-f])|["\\nrt])`)
	f.Fuzz(func(t *testing.T, raw []byte) {
		var want any
		raw = bytes.ToValidUTF8(raw, []byte("\uFFFD"))
		if bytes.Contains(raw, []byte("\uFFFD")) || json.Unmarshal(raw, &want) != nil {
			return // two names may become one
		}
		line := plainTexts(appendCompact(nil, raw))
		if bytes.IndexByte(escapes.ReplaceAll(line, nil), '\\') >= 0 || bytes.IndexByte(line, '\n') >= 0 {
			t.Fatalf("%q becomes %q", raw, line)
		}
		var got any
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatalf("%q becomes %q: %v", raw, line, err)
		}
		if want = withoutZeros(want); !reflect.DeepEqual(got, want) {
			t.Fatalf("%q is read as %v, want %v", line, got, want)
		}
	})
}

// withoutZeros is a JSON value with U+FFFD for U+0000.
func withoutZeros(v any) any {
	switch v := v.(type) {
	case string:
		return strings.ReplaceAll(v, "\x00", "\uFFFD")
	case []any:
		for i := range v {
			v[i] = withoutZeros(v[i])
		}
	case map[string]any:
		out := map[string]any{}
		for name, member := range v {
			out[withoutZeros(name).(string)] = withoutZeros(member)
		}
		return out
	}
	return v
}

// What a guest says on stderr cannot steer a terminal, and is bounded.
func FuzzLog(f *testing.F) {
	f.Add([]byte("\x1b[2Jhello\nworld\r\n\x00"), []byte("more"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		size := 0
		l := logLines{print: func(_, line string) {
			size += len(line)
			if strings.ContainsFunc(line, func(r rune) bool { return unicode.IsControl(r) && r != '\t' }) || !utf8.ValidString(line) {
				t.Fatalf("%q", line)
			}
		}}
		l.write(a, 1000)
		l.write(b, 1000)
		if text := l.excerpt(); len(text) > (firstLines+keptLines+1)*(maxLogLine+8) || size > 3*1000+8 {
			t.Fatalf("%d bytes, an excerpt of %d", size, len(text))
		}
	})
}

// No two results have one id: not those of repeated queries, nor those of items
// that no guest can be given.
func TestNoTwoResultsHaveOneID(t *testing.T) {
	limits := Limits{}.withDefaults()
	var got []string
	s := &session{limits: limits, module: &Module{}, end: &childEnd{}, items: pull(t.Context(), nil, 0),
		decode: newDecoder(limits, Allow{}, func() int64 { return 10 }),
		yield: func(q sdk.Query, err error) bool {
			if item, ok := errors.AsType[*sdk.ItemError](err); ok {
				q.ID = item.ID
			} else if err != nil {
				t.Error(err)
			}
			got = append(got, q.ID)
			return true
		}}
	defer s.decode.seen.Close()
	s.watch = newStopwatch(limits.Timeout, func() {})
	defer s.watch.stop()
	for _, id := range []string{"item_1", "item_2", "item_2", "item_2#3"} {
		if err := s.take([]byte(`{"id":"` + id + `","messages":[{"role":"user","content":"x"}]}` + "\n")); err != nil {
			t.Fatal(err)
		}
	}
	for _, number := range []int{1, 3} {
		if err := s.items.addUnfit(checkItem(Item{JSON: []byte("[]")}, number, 100)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.verdict(); err != nil {
		t.Fatal(err)
	}
	if want := "item_1 item_2 item_2#3 item_2#3#4 item_1#4 item_3"; strings.Join(got, " ") != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func BenchmarkRecord(b *testing.B) {
	const rest = `","use":"system","messages":[{"role":"user","content":"Package: nginx\nSystem: Debian GNU/Linux 12 (bookworm), x86_64\nInstalled version: 1.22.1\nTell me, in at most 300 words: what it is for"}],"task_type":"system_operation","metadata":{"package":"nginx"}}`
	d := newDecoder(Limits{}.withDefaults(), Allow{}, func() int64 { return 1 << 40 })
	defer d.seen.Close()
	if _, _, err := d.record([]byte(`{"prompt":{"id":"system","messages":[{"role":"system","content":"x"}]}}`)); err != nil {
		b.Fatal(err)
	}
	var line []byte
	for n := int64(0); b.Loop(); n++ {
		line = append(strconv.AppendInt(append(line[:0], `{"id":"pkg_`...), n, 10), rest...)
		b.SetBytes(int64(len(line)))
		if _, has, err := d.record(line); err != nil || !has {
			b.Fatal(has, err)
		}
	}
}
