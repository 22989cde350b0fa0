package wasm

import (
	"bytes"
	"encoding/json"
	"unicode"
	"unicode/utf8"
)

// printable replaces everything that could steer a terminal. Line ends stay if
// they may.
func printable(b []byte, lines bool) []byte {
	return bytes.Map(func(r rune) rune {
		switch {
		case r == '\n' && lines, r == '\t':
			return r
		case r == utf8.RuneError, unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == '\u2028', r == '\u2029':
			return '?'
		}
		return r
	}, b)
}

// marshal is json.Marshal without the escaping of <, > and &.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
