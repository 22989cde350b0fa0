package main

import (
	"strings"
	"testing"
	"time"
	"unicode"
)

func TestSheet(t *testing.T) {
	s := &sheet{headline: "a headline"}
	when := time.Date(2026, time.November, 24, 12, 0, 0, 0, time.FixedZone("", 3600))
	sec := s.section("Facts")
	sec.from("tool -x", when).fact("label", "%s", "value")
	sec.from("tool -x", when).fact("", "%s", "a text of its own")
	sec.from("nobody", when) // says nothing
	g := sec.from("other", time.Time{})
	g.fact("long", "%s", strings.Repeat("word ", 30))
	g.fact("empty", "%s", "")
	g.text("%s", strings.Repeat("x", 200))
	g.command("echo " + strings.Repeat("y ", 60))
	g.item(strings.Repeat("item ", 25))
	s.section("Nothing")
	want := `a headline

Facts
  label              value
  a text of its own
  [source: tool -x; as_of: 2026-11-24T11:00:00Z]
  long               word word word word word word word word word word word word word word word
                     word word word word word word word word word word word word word word word
  ` + xs + `
  $ echo ` + ys + `
  - item item item item item item item item item item item item item item item item item item
    item item item item item item item
  [source: other; as_of: unknown]
`
	if got := s.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

var (
	xs = strings.Repeat("x", 200)
	ys = strings.Repeat("y ", 60)
)

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{
		"plain, größer, 漢字": "plain, größer, 漢字", "a\nb\tc\rd": "a b c d", "\x1b[31mred": "?[31mred", "a\x00b\x7f\u0085": "a?b??",
		"\u202etxt\u2066": "?txt?", "\u200bx\ufeff": "?x?", "\u2028\u2029": "??", "\xff\xfe": "?", "\ufffd": "?",
	} {
		if got := plain(in); got != want {
			t.Errorf("plain(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestClip(t *testing.T) {
	for _, c := range []struct {
		in   string
		n    int
		want string
	}{{"abc", 3, "abc"}, {"abcd", 3, "abc..."}, {"äöü", 3, "ä..."}, {"", 0, ""}} {
		if got := clip(c.in, c.n); got != c.want {
			t.Errorf("clip(%q, %d) = %q, want %q", c.in, c.n, got, c.want)
		}
	}
}

func TestWords(t *testing.T) {
	for bytes, want := range map[uint64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 200 << 10: "200 KiB", 5 << 30: "5.0 GiB", 1 << 63: "8192 PiB"} {
		if got := size(bytes); got != want {
			t.Errorf("size(%d) = %q, want %q", bytes, got, want)
		}
	}
	for want, list := range map[string][]string{"none": nil, "2: a, b": {"a", "b"}, "4: a, b and 2 more": {"a", "b", "c", "d"}} {
		if got := names(list, 2); got != want {
			t.Errorf("names(%v) = %q, want %q", list, got, want)
		}
	}
}

// FuzzSheet: whatever tools say, a sheet is lines that a terminal can show.
func FuzzSheet(f *testing.F) {
	f.Add("label", "value \x1b[2J\u202e", "source\n")
	f.Fuzz(func(t *testing.T, label, text, source string) {
		s := &sheet{headline: text}
		g := s.section(label).from(source, fixtureNow)
		g.fact(label, "%s", text)
		g.text("%s", text)
		g.command(text)
		g.item(text)
		harmlessToTerminals(t, s.String())
	})
}

func harmlessToTerminals(t *testing.T, text string) {
	t.Helper()
	for _, r := range text {
		if r != '\n' && (unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) || r == unicode.ReplacementChar) {
			t.Fatalf("%q is in %q", r, text)
		}
	}
}
