package generator

import (
	"errors"
	"iter"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// A Value is a piece of JSON that was found valid. The zero Value stands for
// one that is not there, and answers every question with nothing.
type Value struct{ raw []byte }

// Exists reports whether the value is there and is not null.
func (v Value) Exists() bool { return len(v.raw) > 0 && v.raw[0] != 'n' }

// IsObject reports whether the value is an object.
func (v Value) IsObject() bool { return len(v.raw) > 0 && v.raw[0] == '{' }

// IsString reports whether the value is a string.
func (v Value) IsString() bool { return len(v.raw) > 0 && v.raw[0] == '"' }

// JSON returns the value as it was written.
func (v Value) JSON() string { return string(v.raw) }

// Text returns a string's text, the digits of a number, "true" or "false", and
// "" for everything else.
func (v Value) Text() string {
	if len(v.raw) == 0 {
		return ""
	}
	switch v.raw[0] {
	case '"':
		return unquote(v.raw)
	case '{', '[', 'n':
		return ""
	}
	return string(v.raw)
}

// Int returns a whole number, or otherwise if the value is none.
func (v Value) Int(otherwise int64) int64 {
	if n, err := strconv.ParseInt(string(v.raw), 10, 64); err == nil {
		return n
	}
	return otherwise
}

// Float returns a number, or otherwise if the value is none.
func (v Value) Float(otherwise float64) float64 {
	if len(v.raw) == 0 || v.raw[0] != '-' && (v.raw[0] < '0' || v.raw[0] > '9') {
		return otherwise
	}
	if f, err := strconv.ParseFloat(string(v.raw), 64); err == nil {
		return f
	}
	return otherwise
}

// Bool reports whether the value is true.
func (v Value) Bool() bool { return string(v.raw) == "true" }

// Get returns the member of an object by name; of several, the last.
func (v Value) Get(name string) Value {
	var found Value
	for key, member := range v.Members() {
		if key == name {
			found = member
		}
	}
	return found
}

// Members goes over the members of an object.
func (v Value) Members() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if !v.IsObject() {
			return
		}
		s := scanner{in: v.raw, at: 1}
		for s.space() != '}' {
			start := s.at
			s.value(0)
			key := unquote(s.in[start:s.at])
			s.space()
			s.at++ // the colon
			s.space()
			start = s.at
			s.value(0)
			if !yield(key, Value{s.in[start:s.at]}) {
				return
			}
			if s.space() == ',' {
				s.at++
			}
		}
	}
}

// Elements goes over the elements of an array.
func (v Value) Elements() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		if len(v.raw) == 0 || v.raw[0] != '[' {
			return
		}
		s := scanner{in: v.raw, at: 1}
		for s.space() != ']' {
			start := s.at
			s.value(0)
			if !yield(Value{s.in[start:s.at]}) {
				return
			}
			if s.space() == ',' {
				s.at++
			}
		}
	}
}

var errJSON = errors.New("not valid JSON")

// Parse checks that data is one JSON value. The Value refers to data.
func Parse(data []byte) (Value, error) {
	s := scanner{in: data}
	s.space()
	start := s.at
	s.value(0)
	end := s.at
	s.space()
	if s.bad || s.at != len(data) {
		return Value{}, errJSON
	}
	return Value{data[start:end]}, nil
}

// maxDepth bounds the nesting of values.
const maxDepth = 200

// scanner steps over JSON.
type scanner struct {
	in  []byte
	at  int
	bad bool
}

// fail goes to the end, where nothing more is found.
func (s *scanner) fail() { s.bad, s.at = true, len(s.in) }

// space skips white space and returns the byte after it, 0 at the end.
func (s *scanner) space() byte {
	for ; s.at < len(s.in); s.at++ {
		switch c := s.in[s.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// value steps over one value.
func (s *scanner) value(depth int) {
	switch c := s.space(); {
	case depth > maxDepth:
		s.fail()
	case c == '"':
		s.str()
	case c == '{':
		s.list('}', depth, true)
	case c == '[':
		s.list(']', depth, false)
	case c == 't':
		s.word("true")
	case c == 'f':
		s.word("false")
	case c == 'n':
		s.word("null")
	default:
		s.number()
	}
}

// list steps over the members of an object or the elements of an array.
func (s *scanner) list(end byte, depth int, object bool) {
	s.at++
	if s.space() == end {
		s.at++
		return
	}
	for !s.bad {
		if object {
			if s.space() != '"' {
				break
			}
			s.str()
			if s.space() != ':' {
				break
			}
			s.at++
		}
		s.value(depth + 1)
		switch s.space() {
		case ',':
			s.at++
			continue
		case end:
			s.at++
			return
		}
		break
	}
	s.fail()
}

func (s *scanner) word(w string) {
	if len(s.in)-s.at < len(w) || string(s.in[s.at:s.at+len(w)]) != w {
		s.fail()
		return
	}
	s.at += len(w)
}

func (s *scanner) digits() bool {
	start := s.at
	for s.at < len(s.in) && s.in[s.at] >= '0' && s.in[s.at] <= '9' {
		s.at++
	}
	return s.at > start
}

func (s *scanner) accept(chars string) bool {
	if s.at < len(s.in) {
		for i := range len(chars) {
			if s.in[s.at] == chars[i] {
				s.at++
				return true
			}
		}
	}
	return false
}

func (s *scanner) number() {
	s.accept("-")
	ok := s.accept("0") || s.digits()
	if ok && s.accept(".") {
		ok = s.digits()
	}
	if ok && s.accept("eE") {
		s.accept("+-")
		ok = s.digits()
	}
	if !ok {
		s.fail()
	}
}

func (s *scanner) str() {
	for i := s.at + 1; i < len(s.in); i++ {
		switch c := s.in[i]; {
		case c == '"':
			s.at = i + 1
			return
		case c < ' ':
			s.fail()
			return
		case c == '\\':
			i++
			if i >= len(s.in) {
				break
			}
			switch s.in[i] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				if _, ok := hex4(s.in, i+1); !ok {
					s.fail()
					return
				}
				i += 4
			default:
				s.fail()
				return
			}
		}
	}
	s.fail()
}

// hex4 reads four hexadecimal digits.
func hex4(b []byte, at int) (rune, bool) {
	if at+4 > len(b) {
		return 0, false
	}
	var r rune
	for _, c := range b[at : at+4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// unquote returns the text of a string that was found valid.
func unquote(raw []byte) string {
	raw = raw[1 : len(raw)-1]
	plain := true
	for _, c := range raw {
		if c == '\\' {
			plain = false
			break
		}
	}
	if plain {
		return string(raw)
	}
	b := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			b = append(b, raw[i])
			continue
		}
		i++
		if raw[i] != 'u' {
			b = append(b, escapes[raw[i]])
			continue
		}
		r, _ := hex4(raw, i+1)
		i += 4
		if utf16.IsSurrogate(r) {
			var low rune
			if i+2 < len(raw) && raw[i+1] == '\\' && raw[i+2] == 'u' {
				low, _ = hex4(raw, i+3)
			}
			if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
				i += 6
			}
		}
		b = utf8.AppendRune(b, r)
	}
	return string(b)
}
