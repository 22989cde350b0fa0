package generator_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/cortexlinux/cortex-host/sdk/generator"
)

const header = `{"abi":1,"kind":"generator","name":"t","params":{"template":"What is {item}?","n":7},"facts":{"os":{"name":"x"}},"total":2,"seed":5}` + "\n"

func capitals(r *generator.Run) error {
	r.Prompt("system", "Answer with one word.")
	for item := range r.Items() {
		question := "What is the capital of " + item.Text() + "?"
		r.Send(generator.Query{ID: "capital_" + item.Text(), Use: "system", User: question})
	}
	return nil
}

func ExampleDo() {
	in := `{"abi":1}` + "\n" + `{"item":"France"}` + "\n"
	if err := generator.Do(strings.NewReader(in), os.Stdout, capitals); err != nil {
		fmt.Println(err)
	}
	// Output:
	// {"prompt":{"id":"system","messages":[{"role":"system","content":"Answer with one word."}]}}
	// {"id":"capital_France","use":"system","messages":[{"role":"user","content":"What is the capital of France?"}]}
}

func TestHeader(t *testing.T) {
	err := generator.Do(strings.NewReader(header), io.Discard, func(r *generator.Run) error {
		if r.Head.Get("name").Text() != "t" || r.Head.Get("seed") != "5" || r.Params.Get("template").Text() != "What is {item}?" ||
			r.Params.Get("n").Text() != "7" || r.Facts.Get("os").Get("name").Text() != "x" || r.Params.Get("none").Exists() {
			t.Errorf("%+v", r)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestBrokenInput(t *testing.T) {
	for in, mention := range map[string]string{
		"":                              "no header",
		"hello\n":                       "no header",
		`{"abi":2}` + "\n":              "its abi is 2",
		header + "nonsense\n":           "no item",
		header + `{"item":null}` + "\n": "no item",
		header + `{"item":"a"`:          "in the middle of a line",
	} {
		err := generator.Do(strings.NewReader(in), io.Discard, capitals)
		if err == nil || !strings.Contains(err.Error(), mention) {
			t.Errorf("%q: %v does not mention %q", in, err, mention)
		}
	}
}

// Output must be written before input that is not there yet is waited for.
func TestFlushesBeforeItWaits(t *testing.T) {
	in, host := io.Pipe()
	guest, out := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- generator.Do(in, out, capitals)
		out.Close()
	}()
	fmt.Fprint(host, header)
	buf := make([]byte, 4096)
	if n, _ := guest.Read(buf); !strings.Contains(string(buf[:n]), "prompt") {
		t.Errorf("first came %s", buf[:n])
	}
	for _, country := range []string{"France", "Ghana"} {
		fmt.Fprintf(host, `{"item":%q}`+"\n", country)
		if n, _ := guest.Read(buf); !strings.Contains(string(buf[:n]), "capital_"+country) {
			t.Errorf("after %s came %s", country, buf[:n])
		}
	}
	host.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestSmallReads(t *testing.T) {
	var all, one strings.Builder
	in := header + `{"item":"a"}` + "\n" + `{"item":"b"}` + "\n"
	err := errors.Join(generator.Do(strings.NewReader(in), &all, capitals),
		generator.Do(iotest.OneByteReader(strings.NewReader(in)), &one, capitals))
	if err != nil || all.String() != one.String() || strings.Count(all.String(), "\n") != 3 {
		t.Errorf("%v\n%s\n%s", err, all.String(), one.String())
	}
}

func TestFill(t *testing.T) {
	fields := []generator.Field{{Name: "a", Text: "{b}"}, {Name: "b", Text: "B"}}
	for template, want := range map[string]string{"{a}{b}": "{b}B", "{c}{": "{c}{", "x{a": "x{a", "{{b}}": "{B}", "": ""} {
		if got := generator.Fill(template, fields...); got != want {
			t.Errorf("%s: %s, want %s", template, got, want)
		}
	}
}

// What a query can hold, and what is no UTF-8 in it.
func TestRecords(t *testing.T) {
	var out strings.Builder
	err := generator.Do(strings.NewReader(header), &out, func(r *generator.Run) error {
		r.Send(generator.Query{ID: "a\"\\\n\xff", Task: "configuration", More: `"priority":1,"max_tokens":9`, User: "\u00fc",
			Metadata: []generator.Field{{Name: "a", Text: "1"}, {Name: "b", Text: ""}}})
		r.Fail("x", "no\x00")
		return nil
	})
	want := `{"id":"a\u0022\u005c\u000a` + "\uFFFD" + `","task_type":"configuration","priority":1,"max_tokens":9,"metadata":{"a":"1","b":""},` +
		`"messages":[{"role":"user","content":"\u00fc"}]}` + "\n" + `{"error":{"id":"x","message":"no\u0000"}}` + "\n"
	if err != nil || out.String() != strings.ReplaceAll(want, `\u00fc`, "\u00fc") {
		t.Errorf("%v\n%s\n%s", err, out.String(), want)
	}
}

// A run fails with what f says, and what was sent before it is out.
func TestFailure(t *testing.T) {
	var out strings.Builder
	failed := errors.New("no template")
	err := generator.Do(strings.NewReader(header), &out, func(r *generator.Run) error {
		r.Prompt("p", "x")
		return failed
	})
	if !errors.Is(err, failed) || !strings.Contains(out.String(), "prompt") {
		t.Errorf("%v, %s", err, out.String())
	}
	if err := generator.Do(strings.NewReader(header+`{"item":"a"}`+"\n"), brokenWriter{}, capitals); err == nil {
		t.Error("nobody read it, and it did not fail")
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// Whatever the bytes, reading them ends; and of JSON in the host's form it finds
// what encoding/json does.
func FuzzValue(f *testing.F) {
	for _, seed := range []string{`{"a":[1,-2.5e3,true,null,{"b":"\u0041\n"}]}`, `"\u"`, `[1,]`, `01`, `{"a":1}x`, `{"a":}x`, `{"`, `[[],{}]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		walk(generator.Value(data), 0)
		var buf bytes.Buffer
		var value any
		enc := json.NewEncoder(&buf)
		enc.SetEscapeHTML(false)
		dec := json.NewDecoder(bytes.NewReader(data))
		dec.UseNumber()
		if dec.Decode(&value) != nil || enc.Encode(value) != nil {
			return
		}
		plain := strings.NewReplacer(`\b`, `\u0008`, `\f`, `\u000c`).Replace(strings.TrimSuffix(buf.String(), "\n"))
		if strings.Contains(plain, `\\`) { // the line above may have broken it
			return
		}
		compare(t, generator.Value(plain), value)
	})
}

func walk(v generator.Value, depth int) {
	_, _, _ = v.Text(), v.Exists(), v.Get("a")
	for key, member := range v.All() {
		if _ = key.Text(); depth < 10 {
			walk(member, depth+1)
		}
	}
}

func compare(t *testing.T, got generator.Value, want any) {
	t.Helper()
	switch want := want.(type) {
	case map[string]any:
		n := 0
		for key, member := range got.All() {
			n++
			compare(t, member, want[key.Text()])
		}
		if n != len(want) || !got.IsObject() {
			t.Fatalf("%s: %d members, want %d", got, n, len(want))
		}
	case []any:
		n := 0
		for key, element := range got.All() {
			if key != "" || n >= len(want) {
				t.Fatalf("%s: element %d is %q: %s", got, n, key, element)
			}
			compare(t, element, want[n])
			n++
		}
		if n != len(want) {
			t.Fatalf("%s: %d elements, want %d", got, n, len(want))
		}
	case nil:
		if got.Exists() || got.Text() != "" {
			t.Fatalf("%s is there", got)
		}
	default:
		if got.Text() != fmt.Sprint(want) {
			t.Fatalf("%s reads as %q, want %q", got, got.Text(), want)
		}
	}
}
