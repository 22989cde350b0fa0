package sdk

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// String reads a string. A null is an empty one.
func (s *Scanner) String() string {
	if s.Null() {
		return ""
	}
	text, escaped := s.text()
	if escaped || s.lends {
		return s.lend(text, escaped)
	}
	return string(text)
}

// lend returns a string that shares its bytes with the data or with spare, or
// that alone has those that were made for it.
func (s *Scanner) lend(text []byte, escaped bool) string {
	if escaped {
		text = s.unescape(text)
	}
	return unsafe.String(unsafe.SliceData(text), len(text))
}

// Text is [Scanner.String] without a copy where none is needed: what it returns
// may be part of the data.
func (s *Scanner) Text() []byte {
	if s.Null() {
		return nil
	}
	text, escaped := s.text()
	if !escaped {
		return text
	}
	return s.unescape(text)
}

// text reads a string and returns what is between its quotes, and whether there
// are escapes in it.
func (s *Scanner) text() (text []byte, escaped bool) {
	if !s.take('"') {
		s.Surprise()
		return nil, false
	}
	start, ascii := s.i, true
	for i := s.i; i < len(s.data); i++ {
		switch c := s.data[i]; {
		case c == '"':
			s.i = i + 1
			if text = s.data[start:i]; !ascii && !utf8.Valid(text) {
				break
			}
			return text, escaped
		case c == '\\':
			escaped = true
			n := escapeLength(s.data[i+1:])
			if n == 0 {
				s.Surprise()
				return nil, false
			}
			i += n
			continue
		case c < ' ':
			s.Surprise()
			return nil, false
		case c >= utf8.RuneSelf:
			ascii = false
			continue
		default:
			i += plain(s.data[i:]) - 1
			continue
		}
		break // invalid UTF-8
	}
	s.Surprise()
	return nil, false
}

// escapeLength returns how many bytes the escape has after its backslash, 0 for
// none that JSON knows.
func escapeLength(after []byte) int {
	if len(after) == 0 {
		return 0
	}
	switch after[0] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 1
	}
	if after[0] != 'u' || len(after) < 5 {
		return 0
	}
	for _, c := range after[1:5] {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return 0
		}
	}
	return 5
}

// unescape returns the string whose text has escapes, all of which JSON knows:
// in spare if strings are lent, else in memory of its own.
func (s *Scanner) unescape(text []byte) []byte {
	if !s.lends {
		return appendPlain(make([]byte, 0, len(text)), text)
	}
	start := len(s.spare)
	s.spare = appendPlain(s.spare, text)
	return s.spare[start:]
}

// appendPlain appends what a text with escapes stands for.
func appendPlain(plain, text []byte) []byte {
	for {
		i := bytes.IndexByte(text, '\\')
		if i < 0 {
			return append(plain, text...)
		}
		plain = append(plain, text[:i]...)
		c := text[i+1]
		text = text[i+2:]
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r, size := codePoint(text)
			plain, text = utf8.AppendRune(plain, r), text[size:]
			continue
		}
		plain = append(plain, c)
	}
}

// codePoint reads what follows a \u: four digits, or a pair of surrogates. A
// surrogate alone is U+FFFD, as in encoding/json.
func codePoint(text []byte) (r rune, size int) {
	r = hex4(text)
	if !utf16.IsSurrogate(r) {
		return r, 4
	}
	if len(text) >= 10 && text[4] == '\\' && text[5] == 'u' {
		if pair := utf16.DecodeRune(r, hex4(text[6:])); pair != utf8.RuneError {
			return pair, 10
		}
	}
	return utf8.RuneError, 4
}

func hex4(text []byte) (r rune) {
	for _, c := range text[:4] {
		switch {
		case c <= '9':
			c -= '0'
		default:
			c = c | 0x20 - 'a' + 10
		}
		r = r<<4 | rune(c)
	}
	return r
}
