package wasm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"
)

// The module header: magic, then version 1. A component has another layer.
var (
	magic           = []byte("\x00asm")
	coreVersion     = []byte{1, 0, 0, 0}
	errShort        = errors.New("the file ends too early")
	errComponent    = errors.New("this is a WebAssembly component; build a core module (wasm32-wasip1 command) instead")
	errNotWasm      = errors.New("this is no WebAssembly module: it does not begin with \\0asm")
	errTextFormat   = errors.New("this is WebAssembly text; compile it with wat2wasm first")
	errWrongVersion = errors.New("this WebAssembly version is unknown; build a core module of version 1")
)

const (
	sectionCustom = 0
	sectionImport = 2
	sectionExport = 7
)

// A section is one section of a module, as it lies in the file.
type section struct {
	id         byte
	start, end int // of the whole section, its header included
	body       []byte
}

// What a module needs of each is far less; more would only fill the host's memory.
const (
	maxSections = 10_000
	maxImports  = 1000
)

// sections splits a module into its sections without looking into them.
func sections(module []byte) ([]section, error) {
	switch {
	case bytes.HasPrefix(bytes.TrimSpace(module), []byte("(module")):
		return nil, errTextFormat
	case !bytes.HasPrefix(module, magic):
		return nil, errNotWasm
	case len(module) < 8:
		return nil, errShort
	case bytes.Equal(module[6:8], []byte{1, 0}):
		return nil, errComponent
	case !bytes.Equal(module[4:8], coreVersion):
		return nil, errWrongVersion
	}
	var list []section
	for at := 8; at < len(module); {
		start := at
		r := reader{rest: module[at+1:]}
		body := r.bytes()
		if r.err != nil {
			return nil, fmt.Errorf("section at byte %d: %w", start, r.err)
		}
		at = len(module) - len(r.rest)
		if len(list) == maxSections {
			return nil, fmt.Errorf("it has more than %d sections", maxSections)
		}
		list = append(list, section{id: module[start], start: start, end: at, body: body})
	}
	return list, nil
}

// custom returns the name and the content of a custom section.
func (s section) custom() (string, []byte, bool) {
	if s.id != sectionCustom {
		return "", nil, false
	}
	r := reader{rest: s.body}
	name := r.name()
	return name, r.rest, r.err == nil
}

// An Import is one import of a module.
type Import struct {
	Module string `json:"module"`
	Name   string `json:"name"`
	// Kind is func, table, memory, global or tag.
	Kind string `json:"kind"`
}

var externKinds = []string{"func", "table", "memory", "global", "tag"}

// imports reads the import section.
func (s section) imports() ([]Import, error) {
	r := reader{rest: s.body}
	count := r.u32()
	if count > maxImports {
		return nil, fmt.Errorf("there are %d; at most %d", count, maxImports)
	}
	var list []Import
	for i := uint32(0); i < count && r.err == nil; i++ {
		im := Import{Module: r.name(), Name: r.name()}
		switch kind := r.byte(); kind {
		case 0: // a function: index of its type
			r.u32()
			im.Kind = externKinds[0]
		case 1: // a table: reference type, limits
			r.byte()
			r.limits()
			im.Kind = externKinds[1]
		case 2: // a memory: limits
			r.limits()
			im.Kind = externKinds[2]
		case 3: // a global: value type, mutability
			r.byte()
			r.byte()
			im.Kind = externKinds[3]
		case 4: // a tag: attribute, index of its type
			r.byte()
			r.u32()
			im.Kind = externKinds[4]
		default:
			r.fail(fmt.Errorf("import %q.%q is of the unknown kind %d", im.Module, im.Name, kind))
		}
		list = append(list, im)
	}
	return list, r.err
}

// exports calls f with the name and the kind of each export.
func (s section) exports(f func(name, kind string)) error {
	r := reader{rest: s.body}
	count := r.u32()
	for i := uint32(0); i < count && r.err == nil; i++ {
		name, kind := r.name(), r.byte()
		r.u32()
		if r.err == nil && int(kind) < len(externKinds) {
			f(name, externKinds[kind])
		}
	}
	return r.err
}

// reader reads the module format; after an error it returns zeros.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.rest = nil
}

func (r *reader) byte() byte {
	if len(r.rest) == 0 {
		r.fail(errShort)
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

// u32 reads an unsigned LEB128 number of at most 32 bits.
func (r *reader) u32() uint32 {
	v, n := binary.Uvarint(r.rest[:min(len(r.rest), 5)])
	if n <= 0 || v > 1<<32-1 {
		r.fail(errShort)
		return 0
	}
	r.rest = r.rest[n:]
	return uint32(v)
}

// bytes reads a length and that many bytes.
func (r *reader) bytes() []byte {
	n := r.u32()
	if r.err != nil || uint64(n) > uint64(len(r.rest)) {
		r.fail(errShort)
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) name() string {
	b := r.bytes()
	if !utf8.Valid(b) {
		r.fail(errors.New("a name is not UTF-8"))
		return ""
	}
	return string(b)
}

// limits reads the limits of a table or a memory; 64-bit ones have longer numbers.
func (r *reader) limits() {
	flags := r.byte()
	n := 1
	if flags&1 != 0 {
		n = 2
	}
	for ; n > 0; n-- {
		_, size := binary.Uvarint(r.rest)
		if size <= 0 {
			r.fail(errShort)
			return
		}
		r.rest = r.rest[size:]
	}
}
