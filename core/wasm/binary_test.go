package wasm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

// Reading a module costs no more than the module, whatever it says of itself.
func TestModulesOfTooManyParts(t *testing.T) {
	section := func(id byte, body []byte) []byte {
		return append(binary.AppendUvarint([]byte{id}, uint64(len(body))), body...)
	}
	count := func(n int, part string) []byte {
		return append(binary.AppendUvarint(nil, uint64(n)), strings.Repeat(part, n)...)
	}
	header := append(bytes.Clone(magic), coreVersion...)
	for name, c := range map[string]struct {
		rest    []byte
		mention string
	}{
		"imports":         {section(sectionImport, count(1_000_000, "\x00\x00\x00\x00")), "at most 1000"},
		"sections":        {bytes.Repeat([]byte{0, 0}, 1_000_000), "10000 sections"},
		"import sections": {bytes.Repeat(section(sectionImport, count(2, "\x00\x00\x00\x00")), 1000), "more than one import section"},
		"exports":         {section(sectionExport, count(1_000_000, "\x00\x00\x00")), "_start"},
		"no memory":       {section(sectionExport, append([]byte{1, 6}, "_start\x00\x00"...)), "exports no memory"},
	} {
		module := append(bytes.Clone(header), c.rest...)
		allocated := testing.AllocsPerRun(1, func() {
			_, err := Parse("x", module)
			if err == nil || !strings.Contains(err.Error(), c.mention) || !errors.Is(err, InvalidModule) {
				t.Errorf("%s: %v does not mention %s", name, err, c.mention)
			}
		})
		if allocated > 50_000 {
			t.Errorf("%s: %.0f allocations", name, allocated)
		}
	}
}
