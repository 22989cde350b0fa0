package wasm

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/cortexlinux/cortex-host/sdk"
)

// plainTexts brings a record of valid JSON into the form that guests are
// promised: every text as its characters are, in UTF-8, with no escapes but \",
// \\, \n, \r, \t and \u00XX, and without U+0000. So a reader of a few lines is
// a whole one, and texts that end with a zero byte hold all of it.
func plainTexts(record []byte) []byte {
	if bytes.IndexByte(record, '\\') < 0 {
		return record
	}
	out := make([]byte, 0, len(record))
	for rest := record; ; {
		start := bytes.IndexByte(rest, '"')
		if start < 0 {
			return append(out, rest...)
		}
		end := start + 1
		for rest[end] != '"' {
			if rest[end] == '\\' {
				end++
			}
			end++
		}
		out = appendPlain(append(out, rest[:start]...), rest[start:end+1])
		rest = rest[end+1:]
	}
}

// appendPlain appends one text.
func appendPlain(b, text []byte) []byte {
	var s string
	if bytes.IndexByte(text, '\\') < 0 || json.Unmarshal(text, &s) != nil {
		return append(b, text...)
	}
	return sdk.AppendString(b, strings.ReplaceAll(s, "\x00", "\uFFFD"))
}
