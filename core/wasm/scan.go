package wasm

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/cortexlinux/cortex-host/sdk"
)

// scanQuery decodes a record that is an ordinary query: the members that nearly
// all queries have, texts as content, each member once. It reports false for
// anything else, right or wrong, which is then decoded and judged with care.
// line must be UTF-8.
//
// It exists because a generator makes a hundred thousand queries a second, and
// encoding/json alone reads fewer.
func scanQuery(line []byte) (r guestRecord, ok bool) {
	s := scan{in: string(line)}
	seen := 0
	s.object(func(key string) bool {
		bit := 0
		switch key {
		case "id":
			bit, r.ID = 1, s.text()
		case "use":
			bit, r.Use = 2, s.text()
		case "messages":
			bit, r.Messages = 4, s.messages()
		case "task_type":
			bit, r.TaskType = 8, sdk.TaskType(s.text())
		case "max_tokens":
			n := s.number()
			bit, r.MaxTokens = 16, &n
		case "priority":
			bit, r.Priority = 32, s.number()
		case "metadata":
			bit, r.Metadata = 64, s.texts()
		}
		fresh := bit != 0 && seen&bit == 0
		seen |= bit
		return fresh
	})
	s.space()
	return r, !s.bad && s.at == len(s.in)
}

// A scan steps over JSON and gives up at anything unusual.
type scan struct {
	in  string
	at  int
	bad bool
}

func (s *scan) space() {
	for s.at < len(s.in) && (s.in[s.at] == ' ' || s.in[s.at] == '\t' || s.in[s.at] == '\r') {
		s.at++
	}
}

// take steps over one character, white space before it not counted.
func (s *scan) take(c byte) bool {
	s.space()
	if s.bad || s.at >= len(s.in) || s.in[s.at] != c {
		return false
	}
	s.at++
	return true
}

func (s *scan) need(c byte) {
	if !s.take(c) {
		s.bad = true
	}
}

// object calls member with each name; it must step over the value and report
// whether to go on.
func (s *scan) object(member func(key string) bool) {
	s.need('{')
	if s.take('}') {
		return
	}
	for !s.bad {
		key := s.text()
		s.need(':')
		if s.bad || !member(key) {
			s.bad = true
			return
		}
		if s.take('}') {
			return
		}
		s.need(',')
	}
}

func (s *scan) messages() []sdk.Message {
	list := make([]sdk.Message, 0, 2)
	s.need('[')
	if s.take(']') {
		return list
	}
	for !s.bad {
		var m sdk.Message
		var role, content bool
		s.object(func(key string) bool {
			switch {
			case key == "role" && !role:
				m.Role, role = sdk.Role(s.text()), true
			case key == "content" && !content:
				m.Text, content = s.text(), true
			default:
				return false
			}
			return true
		})
		if !content {
			s.bad = true
		}
		list = append(list, m)
		if s.take(']') {
			return list
		}
		s.need(',')
	}
	return nil
}

func (s *scan) texts() map[string]string {
	texts := map[string]string{}
	s.object(func(key string) bool {
		texts[key] = s.text()
		return true
	})
	return texts
}

// number reads a whole number of at most nine digits.
func (s *scan) number() int {
	s.space()
	start := s.at
	if s.at < len(s.in) && s.in[s.at] == '-' {
		s.at++
	}
	digits := s.at
	for s.at < len(s.in) && s.in[s.at] >= '0' && s.in[s.at] <= '9' {
		s.at++
	}
	n, err := strconv.Atoi(s.in[start:s.at])
	if err != nil || s.at-digits > 9 || s.in[digits] == '0' && s.at-digits > 1 {
		s.bad = true
	}
	return n // a fraction or an exponent is met as a character out of place
}

// text reads a string.
func (s *scan) text() string {
	s.need('"')
	if s.bad {
		return ""
	}
	for i := s.at; i < len(s.in); i++ {
		switch c := s.in[i]; {
		case c == '"':
			text := s.in[s.at:i]
			s.at = i + 1
			return text
		case c == '\\':
			return s.escaped(i)
		case c < ' ':
			s.bad = true
			return ""
		}
	}
	s.bad = true
	return ""
}

// escaped reads the rest of a string whose first escape is at i.
func (s *scan) escaped(i int) string {
	var b strings.Builder
	b.Grow(len(s.in) - s.at)
	for b.WriteString(s.in[s.at:i]); i < len(s.in); {
		c := s.in[i]
		switch {
		case c == '"':
			s.at = i + 1
			return b.String()
		case c < ' ':
			s.bad = true
			return ""
		case c != '\\':
			start := i
			for i < len(s.in) && s.in[i] != '"' && s.in[i] != '\\' && s.in[i] >= ' ' {
				i++
			}
			b.WriteString(s.in[start:i])
			continue
		}
		if i++; i >= len(s.in) {
			break
		}
		if s.in[i] == 'u' {
			r, size := unicodeEscape(s.in[i+1:])
			if size == 0 {
				s.bad = true
				return ""
			}
			b.WriteRune(r)
			i += 1 + size
			continue
		}
		plain := simpleEscapes[s.in[i]]
		if plain == 0 {
			s.bad = true
			return ""
		}
		b.WriteByte(plain)
		i++
	}
	s.bad = true
	return ""
}

var simpleEscapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// unicodeEscape reads what follows a \u: four digits, or a pair of surrogates.
// It returns how much it read, 0 if it is no escape.
func unicodeEscape(s string) (rune, int) {
	r, ok := hex4(s)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 4
	}
	if len(s) >= 10 && s[4] == '\\' && s[5] == 'u' {
		if low, ok := hex4(s[6:]); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return pair, 10
			}
		}
	}
	return utf8.RuneError, 4
}

func hex4(s string) (rune, bool) {
	if len(s) < 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(s[:4], 16, 16)
	return rune(n), err == nil && s[0] != '+' && s[0] != '_'
}
