package generator

import (
	"iter"
	"slices"
	"strconv"
	"strings"
)

// A Value is a piece of JSON as the host wrote it: valid, without white space,
// and with no other escapes in its texts than Go has. "" is one that is not
// there.
type Value string

// Exists reports whether the value is there and is not null.
func (v Value) Exists() bool { return v != "" && v != "null" }

// IsObject reports whether the value is an object.
func (v Value) IsObject() bool { return strings.HasPrefix(string(v), "{") }

// Text returns a string's text, a number's digits, "true" or "false", and "" for
// all else. It may be a part of the record, and keep all of it in memory.
func (v Value) Text() string {
	if v == "" || v[0] == '{' || v[0] == '[' || v == "null" {
		return ""
	}
	if v[0] != '"' {
		return string(v)
	}
	text, _ := strconv.Unquote(string(v))
	return text
}

// Get returns the member of an object by name.
func (v Value) Get(name string) Value {
	for key, member := range v.All() {
		if v.IsObject() && len(key) == len(name)+2 && string(key[1:len(key)-1]) == name {
			return member
		}
	}
	return ""
}

// All goes over the members of an object, or the elements of an array, whose
// keys are "".
func (v Value) All() iter.Seq2[Value, Value] {
	return func(yield func(key, value Value) bool) {
		if v == "" || v[0] != '{' && v[0] != '[' {
			return
		}
		for rest := v[1:]; len(rest) > 1; {
			n := 0
			if v[0] == '{' {
				n = rest.skip()
			}
			key, after := rest[:n], Value(strings.TrimPrefix(string(rest[n:]), ":"))
			end := after.skip()
			if end == 0 || !yield(key, after[:end]) {
				return
			}
			rest = Value(strings.TrimPrefix(string(after[end:]), ","))
		}
	}
}

// skip returns where the value at the beginning ends.
func (v Value) skip() int {
	depth, text := 0, false
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c == '\\':
			i++
		case c == '"':
			text = !text
		case text:
		case c == '{' || c == '[':
			depth++
		case depth == 0 && (c == ',' || c == ':' || c == '}' || c == ']'):
			return i
		case c == '}' || c == ']':
			depth--
		}
	}
	return len(v)
}

// quote appends what comes before a text, and the text as JSON.
func quote(b []byte, before, s string) []byte {
	const hex = "0123456789abcdef"
	s = strings.ToValidUTF8(s, "\uFFFD")
	b = append(append(b, before...), '"')
	start := 0
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' {
			b = append(append(b, s[start:i]...), '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			start = i + 1
		}
	}
	return append(append(b, s[start:]...), '"')
}

// Fill replaces each {name} in the template by the text of the field of that
// name. Names that no field has stay as they are, and what was filled in is not
// looked at again.
func Fill(template string, fields ...Field) string {
	parts := strings.Split(template, "{")
	for i := 1; i < len(parts); i++ {
		name, rest, closed := strings.Cut(parts[i], "}")
		k := slices.IndexFunc(fields, func(f Field) bool { return closed && f.Name == name })
		if k >= 0 {
			parts[i] = fields[k].Text + rest
		} else {
			parts[i] = "{" + parts[i]
		}
	}
	return strings.Join(parts, "")
}
