package format

import (
	"bytes"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Clean makes untrusted text safe to print on a terminal: control characters,
// among them the escape character and C1, direction marks, other invisible
// format characters and bytes that are not UTF-8 are shown as \x1b, \u202e and
// so on. Line breaks and tabs stay; CRLF becomes LF.
func Clean(s string) string {
	if !strings.ContainsFunc(s, unsafeRune) && utf8.ValidString(s) {
		return s
	}
	return escape(strings.ReplaceAll(s, "\r\n", "\n"), func(r rune) bool { return r == '\n' || r == '\t' })
}

// Inline is [Clean] for text that has to stay on one line: line breaks and tabs
// are shown as \n and \t.
func Inline(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r == '\n' || r == '\t' || unsafeRune(r) }) && utf8.ValidString(s) {
		return s
	}
	return escape(s, func(rune) bool { return false })
}

// Shorten is [Inline] cut to n characters.
func Shorten(s string, n int) string {
	cut := len(s) > 8*n
	if cut {
		s = strings.ToValidUTF8(s[:8*n], "")
	}
	s = Inline(s)
	if utf8.RuneCountInString(s) <= n && !cut {
		return s
	}
	runes := []rune(s)
	return string(runes[:min(len(runes), max(n-1, 0))]) + "…"
}

func escape(s string, keep func(rune) bool) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			b.WriteString(`\x`)
			b.WriteString(digits(uint64(s[i]), 2))
		case keep(r):
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case !unsafeRune(r):
			b.WriteRune(r)
		case r < 0x80:
			b.WriteString(`\x`)
			b.WriteString(digits(uint64(r), 2))
		case r <= 0xffff:
			b.WriteString(`\u`)
			b.WriteString(digits(uint64(r), 4))
		default:
			b.WriteString(`\U`)
			b.WriteString(digits(uint64(r), 8))
		}
	}
	return b.String()
}

// joiners hold scripts and emoji together; they are harmless.
const (
	zeroWidthNonJoiner = '\u200c'
	zeroWidthJoiner    = '\u200d'
)

// unsafeRune reports whether r could move a cursor, hide or reorder text.
func unsafeRune(r rune) bool {
	switch {
	case r < 0x7f:
		return r < ' ' && r != '\n' && r != '\t'
	case r == zeroWidthJoiner, r == zeroWidthNonJoiner:
		return false
	case r < 0xa0, r == '\u2028', r == '\u2029':
		return true
	}
	return unicode.In(r, unicode.Cf, unicode.Co)
}

func digits(v uint64, n int) string {
	s := strconv.FormatUint(v, 16)
	return strings.Repeat("0", max(0, n-len(s))) + s
}

// TerminalSafe makes rows safe to print on a terminal that are safe anywhere
// else: what JSON allows inside of a string and a terminal obeys is replaced by
// its JSON escape, so that NDJSON stays NDJSON. Line ends stay.
func TerminalSafe(rows []byte) []byte {
	if !bytes.ContainsFunc(rows, unsafeRune) {
		return rows
	}
	out := make([]byte, 0, len(rows)+64)
	for _, r := range string(rows) {
		switch {
		case !unsafeRune(r):
			out = utf8.AppendRune(out, r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = append(out, `\u`+digits(uint64(high), 4)+`\u`+digits(uint64(low), 4)...)
		default:
			out = append(out, `\u`+digits(uint64(r), 4)...)
		}
	}
	return out
}
