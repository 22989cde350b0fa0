package sdk

import (
	"bytes"
	"strconv"
)

// A Scanner reads ordinary JSON in one pass, without reflection: for what is
// read thousands of times a second, such as queries and vendors' replies. It is
// strict and easily surprised. Whoever uses it keeps a struct for
// encoding/json, and decodes with that instead when [Scanner.Done] says no:
//
//	s := sdk.NewScanner(body)
//	s.Object(func(key []byte) {
//		switch string(key) {
//		case "model":
//			v.Model = s.String()
//		default:
//			s.Skip()
//		}
//	})
//	if !s.Done() {
//		v = reply{}
//		err = json.Unmarshal(body, &v)
//	}
//
// What Done accepts is valid JSON, and its strings are what encoding/json makes
// of them. After a surprise every method returns a zero value. A Scanner is not
// safe for concurrent use.
type Scanner struct {
	data      []byte
	i         int
	depth     int
	surprised bool
	// lends says that strings are lent: they are part of the data, or of spare
	// if they had escapes, and not copies.
	lends bool
	spare []byte
}

// maxDepth is deeper than any reply; deeper ones are encoding/json's.
const maxDepth = 64

// NewScanner returns a scanner of data, which must not change until everything
// is read.
func NewScanner(data []byte) *Scanner { return &Scanner{data: data} }

// Done reports whether data was one JSON value, read to its end, that held no
// surprise.
func (s *Scanner) Done() bool { return s.peek() == 0 && s.i == len(s.data) && !s.surprised }

// Surprise makes Done say no: the value that was read is not for the fast way.
func (s *Scanner) Surprise() {
	s.surprised = true
	s.i = len(s.data)
}

// peek returns the next byte that is no space, 0 at the end.
func (s *Scanner) peek() byte {
	for s.i < len(s.data) {
		switch c := s.data[s.i]; c {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return c
		}
	}
	return 0
}

// take consumes c if it is next.
func (s *Scanner) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.i++
	return true
}

// Null reads a null if it is next, and reports whether it was.
func (s *Scanner) Null() bool {
	if s.peek() != 'n' {
		return false
	}
	s.literal("null")
	return true
}

// Object reads an object and calls member for each key, which must read the
// value. A null is an object without members.
func (s *Scanner) Object(member func(key []byte)) {
	for more := s.enter('{', '}'); more; more = s.next('}') {
		key, escaped := s.text()
		if escaped || !s.take(':') {
			s.Surprise()
			return
		}
		member(key)
	}
}

// Array reads an array and calls element for each, which must read it. A null
// is an array without elements.
func (s *Scanner) Array(element func(index int)) {
	n := 0
	for more := s.enter('[', ']'); more; more = s.next(']') {
		element(n)
		n++
	}
}

// enter begins an object or an array, and reports whether there is something in
// it.
func (s *Scanner) enter(first, last byte) bool {
	if s.Null() {
		return false
	}
	if s.depth++; s.depth > maxDepth || !s.take(first) {
		s.Surprise()
		return false
	}
	return !s.leave(last)
}

// next reports whether there is more in it.
func (s *Scanner) next(last byte) bool {
	switch {
	case s.surprised, s.leave(last):
		return false
	case s.take(','):
		return true
	}
	s.Surprise()
	return false
}

func (s *Scanner) leave(last byte) bool {
	if !s.take(last) {
		return false
	}
	s.depth--
	return true
}

// Int reads a whole number of at most nine digits. Any other surprises.
func (s *Scanner) Int() int {
	raw := s.Raw()
	n, err := strconv.Atoi(string(raw))
	if err != nil || len(raw) > 10 || n > 999_999_999 || n < -999_999_999 {
		s.Surprise()
		return 0
	}
	return n
}

// Float reads a number. One that no float64 can hold surprises, and one that is
// longer than any that people write.
func (s *Scanner) Float() float64 {
	if c := s.peek(); c != '-' && (c < '0' || c > '9') {
		s.Surprise()
		return 0
	}
	raw := s.Raw()
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || len(raw) > 32 {
		s.Surprise()
		return 0
	}
	return f
}

// Raw reads a value and returns its bytes, which are part of the data.
func (s *Scanner) Raw() []byte {
	s.peek()
	start := s.i
	if s.Skip(); s.surprised {
		return nil
	}
	return s.data[start:s.i]
}

// Skip reads a value and forgets it.
func (s *Scanner) Skip() {
	switch c := s.peek(); c {
	case '"':
		s.text()
	case '{':
		s.Object(func([]byte) { s.Skip() })
	case '[':
		s.Array(func(int) { s.Skip() })
	case 't':
		s.literal("true")
	case 'f':
		s.literal("false")
	case 'n':
		s.literal("null")
	default:
		s.number()
	}
}

func (s *Scanner) literal(word string) {
	if !bytes.HasPrefix(s.data[s.i:], []byte(word)) {
		s.Surprise()
		return
	}
	s.i += len(word)
}

// number reads -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
func (s *Scanner) number() {
	s.take('-')
	if s.i < len(s.data) && s.data[s.i] == '0' {
		s.i++
	} else if !s.digits() {
		return
	}
	if s.i < len(s.data) && s.data[s.i] == '.' {
		if s.i++; !s.digits() {
			return
		}
	}
	if s.i < len(s.data) && s.data[s.i]|0x20 == 'e' {
		if s.i++; s.i < len(s.data) && (s.data[s.i] == '+' || s.data[s.i] == '-') {
			s.i++
		}
		s.digits()
	}
}

// digits reads at least one digit.
func (s *Scanner) digits() bool {
	start := s.i
	for s.i < len(s.data) && '0' <= s.data[s.i] && s.data[s.i] <= '9' {
		s.i++
	}
	if s.i == start {
		s.Surprise()
		return false
	}
	return true
}
