package format_test

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/cortexlinux/cortex-host/core/format"
	"github.com/cortexlinux/cortex-host/sdk"
)

const q1 = `{"id":"q1","messages":[{"role":"user","content":"one"}]}`
const q2 = `{"id":"q2","messages":[{"role":"user","content":"two"}]}`

func read[T any](seq iter.Seq2[T, error]) (all []T, err error) {
	for v, e := range seq {
		if e != nil {
			return all, e
		}
		all = append(all, v)
	}
	return all, nil
}

func TestQueriesToleratesWhatEditorsLeaveBehind(t *testing.T) {
	for name, input := range map[string]string{
		"plain":            q1 + "\n" + q2 + "\n",
		"no last line end": q1 + "\n" + q2,
		"CRLF":             q1 + "\r\n" + q2 + "\r\n",
		"byte order mark":  "\xef\xbb\xbf" + q1 + "\n" + q2 + "\n",
		"empty lines":      "\n \t\n" + q1 + "\n\r\n" + q2 + "\n\n",
	} {
		got, err := read(format.Queries(strings.NewReader(input), format.Input{Name: "in"}))
		if err != nil || len(got) != 2 || got[0].ID != "q1" || got[1].ID != "q2" {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestQueriesNamesThePlaceOfWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		input   string
		line    int64
		byte    int64
		problem string
	}{
		"not JSON":        {q1 + "\nhello\n", 2, int64(len(q1)) + 1, "each line must be a JSON object"},
		"an array":        {"[" + q1 + "]\n", 1, 0, "not an array"},
		"cut short":       {q1 + "\n\n" + q2[:20], 3, int64(len(q1)) + 2, "ends too early"},
		"unknown field":   {strings.Replace(q1, `"id"`, `"idd"`, 1), 1, 0, `unknown field "idd"`},
		"two on one line": {q1 + q2, 1, 0, "more than one JSON value"},
		"NUL":             {q1 + "\x00\n", 1, 0, "NUL byte at column"},
		"UTF-16":          {"\xff\xfe{\x00", 1, 0, "NUL byte"},
		"invalid UTF-8":   {strings.Replace(q1, "one", "o\xffe", 1), 1, 0, "not valid UTF-8 at column"},
		"too long":        {q1 + "\n" + strings.Repeat("x", 5000) + "\n", 2, int64(len(q1)) + 1, "longer than 4096 bytes"},
	} {
		_, err := read(format.Queries(strings.NewReader(c.input), format.Input{Name: "in.ndjson", MaxLine: 4096}))
		var e *format.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v is no *format.Error", name, err)
			continue
		}
		if e.File != "in.ndjson" || e.Line != c.line || e.Byte != c.byte || !strings.Contains(e.Problem, c.problem) {
			t.Errorf("%s: %v at byte %d; want line %d, byte %d, %q", name, err, e.Byte, c.line, c.byte, c.problem)
		}
	}
}

func TestALineThatIsTooLongIsNotKeptAndNotTheEnd(t *testing.T) {
	const gigabyte = 1 << 30
	input := io.MultiReader(io.LimitReader(zeros{}, gigabyte), strings.NewReader("\nnext\n"))
	r := format.NewLineReader(input, format.Input{MaxLine: 1 << 20})
	_, err := r.Next()
	var e *format.Error
	if !errors.As(err, &e) || e.Line != 1 {
		t.Fatalf("%v", err)
	}
	line, err := r.Next()
	if err != nil || string(line.Text) != "next" || line.Number != 2 || line.Byte != gigabyte+1 {
		t.Fatalf("%+v %v", line, err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

func TestAFailingReaderIsToldAsTheFiles(t *testing.T) {
	broken := io.MultiReader(strings.NewReader(q1+"\n"), failing{})
	got, err := read(format.Queries(broken, format.Input{Name: "in"}))
	if len(got) != 1 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(got, err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, os.ErrDeadlineExceeded }

func TestItemsAreLinesOrObjects(t *testing.T) {
	got, err := read(format.Items(strings.NewReader("nginx\n{not an object\n[1]\n"), format.Input{}))
	if err != nil || len(got) != 3 || got[1].Text != "{not an object" || got[1].JSON != nil {
		t.Fatal(got, err)
	}
	got, err = read(format.Items(strings.NewReader(`{"id":"1"}`+"\n"+`{"id":"2"}`), format.Input{}))
	if err != nil || len(got) != 2 || string(got[1].JSON) != `{"id":"2"}` {
		t.Fatal(got, err)
	}
	got, err = read(format.Items(strings.NewReader(`{"id":"1"}`+"\nnginx\n"), format.Input{Name: "items"}))
	if len(got) != 1 || err == nil || !strings.HasPrefix(err.Error(), "items:2: not a JSON object") {
		t.Fatal(got, err)
	}
}

// A packed file of items is unpacked by its name, as one of queries is.
func TestPackedItems(t *testing.T) {
	for c, name := range map[format.Compression]string{format.Gzip: "items.gz", format.Zstd: "items.ndjson.zst"} {
		got, err := read(format.Items(strings.NewReader(packed(t, c, "nginx\nredis\n")), format.Input{Name: name}))
		if err != nil || len(got) != 2 || got[1].Text != "redis" {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		if _, err := read(format.Items(strings.NewReader("nginx\n"), format.Input{Name: name})); err == nil {
			t.Errorf("%s: what is not packed is no error", name)
		}
	}
}

// An empty batch is an empty result, whatever the kind of file.
func TestNothingInIt(t *testing.T) {
	for name, content := range map[string]string{"a.jsonl": "", "b.jsonl": "\n \n\r\n", "a.csv": "", "b.csv": "id,name\n", "a.txt": "\n", "-": ""} {
		o := format.ReadOptions{}
		if strings.HasSuffix(name, "csv") {
			o.Prompt = "{name}"
		}
		if got, err := readAll(content, name, o); err != nil || len(got) != 0 {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		if got, err := read(format.Items(strings.NewReader(content), format.Input{})); err != nil || len(got) != 0 && content != "id,name\n" {
			t.Errorf("items of %s: %v, %v", name, got, err)
		}
	}
}

func TestTheSecondOfAnIDIsAnErrorWithItsPlace(t *testing.T) {
	input := strings.Join([]string{q1, q2, q1, `{"id":"q3","messages":[{"role":"user","content":"x"}]}`}, "\n")
	var ids, failed []string
	for q, err := range format.Queries(strings.NewReader(input), format.Input{Name: "in", KeepGoing: true}) {
		var item *sdk.ItemError
		if errors.As(err, &item) {
			failed = append(failed, item.ID)
			continue
		}
		ids = append(ids, q.ID)
	}
	if fmt.Sprint(ids, failed) != "[q1 q2 q3] [in:3]" {
		t.Fatal(ids, failed)
	}
	for name, in := range map[string]string{"in": input, "in.csv": "id,prompt\na,x\nb,\"y\nz\"\na,w\n", "in.jsonl": o1 + "\n" + strings.Replace(o1, "r1", "r2", 1) + "\n" + o1} {
		n := 0
		for _, err := range format.Read(strings.NewReader(in), format.Input{Name: name}, format.ReadOptions{}) {
			if n++; n < 3 {
				continue
			}
			var e *format.Error
			line, at := int64(3), int64(strings.LastIndex(in, strings.Split(in, "\n")[0]))
			if name == "in.csv" {
				line, at = 5, int64(strings.Index(in, "a,w"))
			}
			if name == "in" {
				at = int64(strings.LastIndex(in, q1))
			}
			if !errors.As(err, &e) || e.Line != line || e.Byte != at || !strings.Contains(e.Problem, "is used by an earlier row") {
				t.Errorf("%s: %+v, want line %d, byte %d", name, err, line, at)
			}
		}
		if n != 3 {
			t.Errorf("%s: %d rows", name, n)
		}
	}
}

func TestCleanLetsNoControlSequenceThrough(t *testing.T) {
	for in, want := range map[string]string{
		"plain ünï ✓ 👩‍👩‍👧 text\nand\ttabs": "plain ünï ✓ 👩‍👩‍👧 text\nand\ttabs",
		"\x1b[31mred":           `\x1b[31mred`,
		"\x1b]8;;http://x\x07":  `\x1b]8;;http://x\x07`,
		"a\rb":                  `a\rb`,
		"a\r\nb":                "a\nb",
		"\u009b31m":             `\u009b31m`,
		"\u202eevil\u2066":      `\u202eevil\u2066`,
		"\x7f\x08":              `\x7f\x08`,
		"bad \xff byte":         `bad \xff byte`,
		"\U000e0041 tag":        `\U000e0041 tag`,
		"\ufeff\u200b":          `\ufeff\u200b`,
		"\uFFFD is a character": "\uFFFD is a character",
		"line\u2028sep":         `line\u2028sep`,
	} {
		if got := format.Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
	if got := format.Inline("a\nb\tc\x1b"); got != `a\nb\tc\x1b` {
		t.Errorf("Inline: %q", got)
	}
	if got := format.Shorten("abcdef", 4); got != "abc…" {
		t.Errorf("Shorten: %q", got)
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"", "a\x1b[0m", "\u202e", "\xff\xfe", "\r\n\t", "\u009d0;x\u009c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, out := range []string{format.Clean(s), format.Inline(s), format.Shorten(s, 20)} {
			if !utf8.ValidString(out) {
				t.Fatalf("%q is not UTF-8", out)
			}
			for _, r := range out {
				if (r < 0x20 && r != '\n' && r != '\t') || (r >= 0x7f && r < 0xa0) || (r >= 0x202a && r <= 0x202e) || (r >= 0x2066 && r <= 0x2069) {
					t.Fatalf("%q lets %U through", out, r)
				}
			}
		}
		if strings.ContainsAny(format.Inline(s), "\n\t") {
			t.Fatal("Inline has line breaks")
		}
	})
}

func FuzzQueries(f *testing.F) {
	f.Add([]byte(q1 + "\n" + q2))
	f.Add([]byte("\xef\xbb\xbf\r\n{"))
	f.Fuzz(func(t *testing.T, data []byte) {
		in := string(data)
		for q, err := range format.Queries(strings.NewReader(in), format.Input{MaxLine: 1 << 10}) {
			if err == nil && q.Validate() != nil {
				t.Fatalf("%q passed", in)
			}
		}
		for range format.Items(strings.NewReader(in), format.Input{MaxLine: 1 << 10}) {
		}
	})
}

func TestTextIsReadableAndClean(t *testing.T) {
	cost := sdk.MoneyFromUSD(0.0123)
	row, err := format.Text{}.Append(nil, &sdk.Result{
		QueryID: "pkg_nginx\x1b[2J", Attempts: 2, ExecutionTime: 1234 * time.Millisecond, Degraded: true,
		Response: &sdk.Response{Content: "nginx is a \x1b]52;c;x\x07server.\n\n", Provider: "openai", Model: "m", ModelServed: "m-2026\u202e",
			Usage: &sdk.Usage{PromptTokens: 3, CompletionTokens: 4}, Cost: &cost},
		Error: &sdk.Error{Kind: sdk.Truncated, Message: "cut\x1b"},
	})
	want := `── pkg_nginx\x1b[2J ── openai, m-2026\u202e, 7 tokens, $0.0123, 1.2s, 2 attempts, degraded: a fallback answered, truncated
nginx is a \x1b]52;c;x\x07server.
failed: truncated: cut\x1b

`
	if err != nil || string(row) != want {
		t.Fatalf("%v\n%s", err, row)
	}
}

func TestNDJSONIsOneLine(t *testing.T) {
	row, err := format.NDJSON{}.Append(nil, &sdk.Result{QueryID: "a", Response: &sdk.Response{Content: "<b>\n\u2028"}, Attempts: 1})
	if err != nil || strings.Count(string(row), "\n") != 1 || !strings.HasSuffix(string(row), "}\n") {
		t.Fatalf("%q %v", row, err)
	}
}

func ExampleQueries() {
	file := strings.NewReader(q1 + "\n" + `{"id":"q2"}` + "\n")
	for q, err := range format.Queries(file, format.Input{Name: "queries.ndjson"}) {
		if err != nil {
			fmt.Println(err)
			break
		}
		fmt.Println(q.ID)
	}
	// Output:
	// q1
	// queries.ndjson:2: query "q2": messages is empty; at least one message is needed (line begins at byte 57)
}

func TestTerminalSafeKeepsJSON(t *testing.T) {
	content := "C1 \u009b31m, bidi \u202e, tag \U000e0041, DEL \x7f, esc \x1b, plain ünï ✓ 👩‍👩‍👧"
	row, err := format.NDJSON{}.Append(nil, &sdk.Result{QueryID: "a", Response: &sdk.Response{Content: content}})
	if err != nil {
		t.Fatal(err)
	}
	safe := format.TerminalSafe(row)
	if strings.ContainsAny(string(safe), "\u009b\u202e\U000e0041\x7f\x1b") || !strings.Contains(string(safe), "👩‍👩‍👧") {
		t.Errorf("%q", safe)
	}
	var back sdk.Result
	if err := back.UnmarshalJSON(safe); err != nil || back.Response.Content != content {
		t.Errorf("%+v %v", back.Response, err)
	}
}

func TestPrettyFitsTheWidthAndHasNoEscapesWithoutColor(t *testing.T) {
	r := &sdk.Result{QueryID: "pkg_a\x1b[2J", Attempts: 1, Response: &sdk.Response{Provider: "provider", Model: "a-model-with-a-name", Usage: &sdk.Usage{PromptTokens: 123456},
		Content: strings.Repeat("word \u202e\x1b]8;;x\x07", 40) + "\n\n- a list\n\t- deeper"}}
	for _, width := range []int{0, 10, 40, 80, 500} {
		row, err := format.Pretty{Width: width}.Append(nil, r)
		if err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(string(row), "\x1b\u202e\x07") {
			t.Errorf("width %d: %q", width, row)
		}
		for _, line := range strings.Split(string(row), "\n") {
			if width >= 40 && utf8.RuneCountInString(line) > width {
				t.Errorf("width %d: a line of %d: %q", width, utf8.RuneCountInString(line), line)
			}
		}
	}
	row, err := format.Pretty{Width: 80, Color: true}.Append(nil, r)
	if err != nil || !strings.Contains(string(row), "\x1b[") || strings.Contains(string(row), "\x1b[2J") || strings.Contains(string(row), "\x1b]") {
		t.Errorf("%q %v", row, err)
	}
}
