package generator_test

import (
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
	r.Prompt("system", generator.System("Answer with one word."))
	for item := range r.Items() {
		r.Send(&generator.Query{
			ID:       "capital_" + item.Text(),
			Use:      "system",
			Messages: []generator.Message{generator.User("What is the capital of " + item.Text() + "?")},
		})
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
		if r.Name != "t" || r.Total != 2 || r.Seed != 5 || r.Param("template") != "What is {item}?" ||
			r.Params.Get("n").Int(0) != 7 || r.Facts.Get("os").Get("name").Text() != "x" || r.Params.Get("none").Exists() {
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
		"hello\n":                       "not a JSON object",
		`{"abi":2}` + "\n":              "ABI 2",
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

// Parse takes exactly what encoding/json takes, and reads texts as it does.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{"a":[1,-2.5e3,true,null,{"b":"\u0041\ud83d\ude00\ud83d\n"}]}`, `"\u"`, `[1,]`, `01`, `{"a":1}x`, ` {} `} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := generator.Parse(data)
		if err == nil != json.Valid(data) && strings.Count(string(data), "[")+strings.Count(string(data), "{") < 200 {
			t.Fatalf("%q: %v, encoding/json says %v", data, err, json.Valid(data))
		}
		if err != nil {
			return
		}
		for range v.Members() {
		}
		for range v.Elements() {
		}
		var text string
		if v.IsString() && json.Unmarshal(data, &text) == nil && strings.ToValidUTF8(v.Text(), "\uFFFD") != text {
			if !strings.Contains(text, "\uFFFD") { // replacement of broken UTF-8 may group differently
				t.Fatalf("%q reads as %q, want %q", data, v.Text(), text)
			}
		}
	})
}
