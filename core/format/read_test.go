package format_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/cortexlinux/cortex-host/core/format"
	"github.com/cortexlinux/cortex-host/sdk"
)

const o1 = `{"custom_id":"r1","method":"POST","url":"/v1/chat/completions","body":{"model":"gpt-5","messages":[{"role":"user","content":"one"}],"max_completion_tokens":50,"top_p":0.5,"seed":null}}`

func readAll(input, name string, o format.ReadOptions) ([]sdk.Query, error) {
	return read(format.Read(strings.NewReader(input), format.Input{Name: name, MaxLine: 1 << 16}, o))
}

func packed(t testing.TB, c format.Compression, data string) string {
	t.Helper()
	var b bytes.Buffer
	w, err := c.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestReadTellsTheFormat(t *testing.T) {
	table := "id,package\na,nginx\nb,\"red\nis, \"\"\"\n"
	for _, c := range []struct {
		name, input string
		o           format.ReadOptions
		want        string // ids and last messages
	}{
		{"-", q1 + "\n" + q2, format.ReadOptions{}, "q1:one q2:two"},
		{"a.json", "\ufeff\n" + o1 + "\n", format.ReadOptions{}, "r1:one"},
		{"a.csv", table, format.ReadOptions{Prompt: "What is {package}? {{}}"}, "a:What is nginx? {} b:What is red\nis, \"? {}"},
		{"a.CSV", "prompt,system\nhello,be brief\n", format.ReadOptions{}, "row_1:hello"},
		{"-", "name\tsize\nx\t5\" disk\n", format.ReadOptions{Kind: format.KindTSV, Prompt: "{name} {size}", IDColumn: "name"}, `x:x 5" disk`},
		{"a.tsv", "a\tb\r\n5\" disk\t\"x\ty \"\"z\"\"\nw\"\r\n1\t2\n", format.ReadOptions{Prompt: "{a}={b}"}, "row_1:5\" disk=x\ty \"z\"\nw row_2:1=2"},
		{"a.txt", "\r\none\r\n{two}\r\n", format.ReadOptions{}, "line_2:one line_3:{two}"},
		{"a.jsonl.gz", packed(t, format.Gzip, q1), format.ReadOptions{}, "q1:one"},
		{"a.csv.zst", packed(t, format.Zstd, table), format.ReadOptions{Prompt: "{package}"}, "a:nginx b:red\nis, \""},
	} {
		queries, err := readAll(c.input, c.name, c.o)
		var got []string
		for _, q := range queries {
			got = append(got, q.ID+":"+q.Messages[len(q.Messages)-1].Text)
		}
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, %v; want %q", c.name, got, err, c.want)
		}
	}
}

func TestReadNamesThePlaceOfWhatIsWrong(t *testing.T) {
	openAI := func(old, new string) string { return o1 + "\n" + strings.Replace(o1, old, new, 1) + "\n" }
	prompt := format.ReadOptions{Prompt: "{a}"}
	for _, c := range []struct {
		name, input string
		o           format.ReadOptions
		line        int64
		problem     string
	}{
		{"a.jsonl", openAI(`"custom_id":"r1",`, ""), format.ReadOptions{}, 2, "custom_id is missing"},
		{"a.jsonl", openAI("POST", "GET"), format.ReadOptions{}, 2, "method must be POST"},
		{"a.jsonl", openAI("/v1/chat/completions", "/v1/embeddings"), format.ReadOptions{}, 2, "only conversations can be asked"},
		{"a.jsonl", openAI(`"model":"gpt-5",`, ""), format.ReadOptions{}, 2, "body.model is missing"},
		{"a.jsonl", openAI(`"content":"one"`, `"content":null`), format.ReadOptions{}, 2, "messages[0]: content is missing"},
		{"a.jsonl", openAI(`"content":"one"`, `"content":"one","name":"x"`), format.ReadOptions{}, 2, `unknown field "name"`},
		{"a.jsonl", openAI(`"top_p":0.5`, `"stream":true`), format.ReadOptions{}, 2, "stream must be false"},
		{"a.jsonl", openAI(`"top_p":0.5`, `"n":3`), format.ReadOptions{}, 2, "n must be 1"},
		{"a.jsonl", openAI(`"top_p":0.5`, `"max_tokens":9`), format.ReadOptions{}, 2, "give one of them"},
		{"a.jsonl", openAI(`"top_p"`, `"top_p":1}}{"x"`), format.ReadOptions{}, 2, "more than one JSON value"},
		{"-", "What is nginx?\n", format.ReadOptions{}, 1, "each line must be a JSON object"},
		{"a.csv", "a,b\n1,2\n3\n", prompt, 3, "the row has 1 fields, the header has 2"},
		{"a.csv", "a,b\n1,2\n\n\n3,\"4\n", prompt, 5, "a quoted field ends with a quote"},
		{"a.csv", "a,b\n1,2\n3,x\"y\n", prompt, 3, "column 4"},
		{"a.csv", "a,a\n1,2\n", prompt, 1, `two columns are called "a"`},
		{"a.csv", "a,\n1,2\n", prompt, 1, "column 2 has no name"},
		{"a.csv", "b,c\n1,2\n", prompt, 1, `names the column "a", which the header does not have; it has b, c`},
		{"a.csv", "b,c\n1,2\n", format.ReadOptions{}, 1, "no column called prompt"},
		{"a.csv", "a\n1\n", format.ReadOptions{Prompt: "{a}", IDColumn: "x"}, 1, `no column "x"`},
		{"a.csv", "a\nx\x00\n", prompt, 2, "NUL byte"},
		{"a.csv", "a,b\n1,2\n\xff,1\n", prompt, 3, "not valid UTF-8"},
		{"a.csv", "a,b\n ,2\n", prompt, 2, "the prompt is empty"},
		{"a.csv", "a\n\"" + strings.Repeat("x\n", 1<<16), prompt, 0, "is a quote missing?"},
		{"a.tsv", "a\tb\n1\t\"x\n2\ty\n", prompt, 2, "a quoted field ends with a quote"},
		{"a.tsv", "a\tb\n1\t\"x\n2\t\"y\"\n", prompt, 2, "a quoted field ends with a quote"},
		{"a.tsv", "a\tb\n\xfe\tx\n", prompt, 2, "not valid UTF-8"},
		{"a.jsonl", strings.Replace(q1, "messages", "prompt", 1), format.ReadOptions{}, 1, `unknown field "prompt"; a query is like {"id":"q1",`},
		{"a.jsonl", packed(t, format.Gzip, q1), format.ReadOptions{}, 0, "these are gzip data"},
		{"-", packed(t, format.Zstd, q1), format.ReadOptions{Kind: format.KindLines}, 0, "these are zstd data"},
		{"a.csv", "a\n1\n", format.ReadOptions{Prompt: "{a"}, 0, "begins no {column}"},
		{"a.txt", "a\n", format.ReadOptions{Prompt: "{b}"}, 0, `names the column "b"`},
		{"a.gz", q1, format.ReadOptions{}, 0, "it is not a gzip file"},
		{"a.zst", q1, format.ReadOptions{}, 1, "it is not a zstd file"},
		{"a.gz", packed(t, format.Gzip, q1+"\n"+q2)[:60], format.ReadOptions{}, 1, "the gzip data end too early"},
		{"a.zst", packed(t, format.Zstd, q1+"\n"+q2)[:40], format.ReadOptions{}, 1, "the zstd data end too early"},
		{"a.gz", "", format.ReadOptions{}, 0, "end too early"},
	} {
		_, err := readAll(c.input, c.name, c.o)
		var e *format.Error
		if !errors.As(err, &e) || e.File != c.name || e.Line != c.line || !strings.Contains(e.Problem, c.problem) {
			t.Errorf("%s %.60q: %v; want line %d, %q", c.name, c.input, err, c.line, c.problem)
		}
	}
}

// A bad row is an item error with its place, and the others go on.
func TestKeepGoing(t *testing.T) {
	for name, c := range map[string]struct{ input, want string }{
		"in.jsonl": {q1 + "\nhello\n" + q2 + "\n{}\n", "q1 in.jsonl:2! q2 in.jsonl:4!"},
		"in.csv":   {"id,prompt\na,1\nb\nc,\"x\"y\nd,4\n", "a in.csv:3! in.csv:4! d"},
		"in.oa":    {o1 + "\n{\"custom_id\":5}\n" + strings.Replace(o1, "r1", "r2", 1), "r1 in.oa:2! r2"},
	} {
		var got []string
		for q, err := range format.Read(strings.NewReader(c.input), format.Input{Name: name, KeepGoing: true}, format.ReadOptions{}) {
			var item *sdk.ItemError
			switch {
			case errors.As(err, &item) && item.Err.Kind == sdk.InvalidRequest && strings.HasPrefix(item.Err.Message, name+":"):
				got = append(got, item.ID+"!")
			case err != nil:
				t.Errorf("%s: %v", name, err)
			default:
				got = append(got, q.ID)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestOpenAIBodyBecomesAQuery(t *testing.T) {
	const in = `{"custom_id":"r1","method":"POST","url":"/v1/chat/completions","body":{"model":"gpt-5","temperature":0,"max_tokens":9,"stream":false,` +
		`"messages":[{"role":"developer","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"https://x/y.png"}}]},` +
		`{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"df","arguments":"{}"}}]},` +
		`{"role":"tool","tool_call_id":"c1","content":"91%"}],"response_format":{"type":"json_object"},"tools":[{"type":"function","function":{"name":"df"}}]}}`
	queries, err := readAll(in, "in.jsonl", format.ReadOptions{})
	if err != nil || len(queries) != 1 {
		t.Fatal(queries, err)
	}
	got, err := queries[0].MarshalJSON()
	want := `{"id":"r1","messages":[{"role":"developer","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"https://x/y.png"}}]},` +
		`{"role":"assistant","content":"","tool_calls":[{"id":"c1","name":"df","arguments":"{}"}]},{"role":"tool","content":"91%","tool_call_id":"c1"}],` +
		`"model":"gpt-5","temperature":0,"max_tokens":9,"options":{"response_format":{"type":"json_object"},"tools":[{"type":"function","function":{"name":"df"}}]}}`
	if err != nil || string(got) != want {
		t.Errorf("%v\n got %s\nwant %s", err, got, want)
	}
}

func TestTableColumnsAreMetadata(t *testing.T) {
	queries, err := readAll("id,a,b\nx,1,2\ny,3,4\n", "in.csv", format.ReadOptions{Prompt: "{a}", System: "{b}{b}"})
	if err != nil || len(queries) != 2 {
		t.Fatal(queries, err)
	}
	got, _ := json.Marshal(queries[0])
	if want := `{"id":"x","messages":[{"role":"system","content":"22"},{"role":"user","content":"1"}],"metadata":{"a":"1","b":"2"}}`; string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// The first query of a pipe comes before the second was written.
func TestReadDoesNotWaitForMore(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	go fmt.Fprintln(w, q1)
	done := make(chan string, 1)
	go func() {
		for q := range format.Read(r, format.Input{}, format.ReadOptions{}) {
			done <- q.ID
			break
		}
	}()
	select {
	case id := <-done:
		if id != "q1" {
			t.Error(id)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the first query waits for the second line")
	}
}

func TestCompressedBombIsAnError(t *testing.T) {
	for _, c := range []format.Compression{format.Gzip, format.Zstd} {
		var b bytes.Buffer
		w, err := c.NewWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		blanks := bytes.Repeat([]byte(" "), 1<<20)
		for range 300 {
			if _, err := w.Write(blanks); err != nil {
				t.Fatal(err)
			}
		}
		w.Close()
		_, err = read(format.Read(&b, format.Input{Name: map[format.Compression]string{format.Gzip: "a.gz", format.Zstd: "a.zst"}[c]}, format.ReadOptions{}))
		if err == nil || !strings.Contains(err.Error(), "this is no file of queries") {
			t.Errorf("%s bomb: %v", c, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, kind := range []byte{0, 1, 2, 3, 4, 5} {
		f.Add(kind, []byte(q1+"\n"+o1))
		f.Add(kind, []byte("id,a\n1,\"x\"\"\ny\"\n2,3\n"))
	}
	f.Add(byte(0), []byte(packed(f, format.Gzip, q1)))
	f.Add(byte(1), []byte(packed(f, format.Zstd, q1)))
	f.Fuzz(func(t *testing.T, which byte, data []byte) {
		names := []string{"a.gz", "a.zst", "a.csv", "a.tsv", "a.txt", "a.jsonl"}
		name := names[int(which)%len(names)]
		for _, keep := range []bool{false, true} {
			in := format.Input{Name: name, MaxLine: 1 << 10, KeepGoing: keep}
			for _, o := range []format.ReadOptions{{}, {Prompt: "{a}"}} {
				rows := 0
				for q, err := range format.Read(bytes.NewReader(data), in, o) {
					if rows++; rows > len(data)+1 && !strings.HasSuffix(name, "z") && !strings.HasSuffix(name, "st") {
						t.Fatalf("more rows than bytes in %q", data)
					}
					if err == nil && q.Validate() != nil {
						t.Fatalf("%q passed as %+v", data, q)
					}
				}
			}
		}
	})
}

func FuzzTemplate(f *testing.F) {
	f.Add("a {b} {{c}}")
	f.Fuzz(func(t *testing.T, text string) {
		_, _ = format.ParseTemplate(text)
		escaped := strings.NewReplacer("{", "{{", "}", "}}").Replace(text)
		if _, err := format.ParseTemplate(escaped); err != nil {
			t.Fatalf("%q: %v", escaped, err)
		}
	})
}
