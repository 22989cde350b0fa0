package wasm_test

import (
	"encoding/binary"

	"github.com/cortexlinux/cortex-host/core/wasm"
)

// A guest is a module put together from bytes, for what no compiler would make.
// Its functions 0 to 3 are WASI's fd_write, fd_read, proc_exit and poll_oneoff;
// its own begin at 4, and the first of them is _start.
type guest struct {
	pages    uint32      // of memory at the beginning
	maxPages uint32      // 0: no bound of its own
	table    bool        // a table of functions
	start    bool        // the second function runs before _start
	bodies   [][]byte    // of functions without parameters or results
	locals   bool        // the bodies begin with their variables
	data     []byte      // at address 64
	imports  [][2]string // more functions to import
	manifest string      // "": an ordinary one
}

const dataAt = 64

func (g guest) build() []byte {
	m := []byte("\x00asm\x01\x00\x00\x00")
	section := func(id byte, body []byte) {
		m = append(m, id)
		m = binary.AppendUvarint(m, uint64(len(body)))
		m = append(m, body...)
	}
	name := func(b []byte, s string) []byte { return append(binary.AppendUvarint(b, uint64(len(s))), s...) }

	const i32, fn = 0x7f, 0x60
	section(1, cat([]byte{3},
		[]byte{fn, 0, 0},
		[]byte{fn, 4, i32, i32, i32, i32, 1, i32},
		[]byte{fn, 1, i32, 0}))
	imports := []byte{byte(4 + len(g.imports))}
	for i, f := range []string{"fd_write", "fd_read", "proc_exit", "poll_oneoff"} {
		imports = name(name(imports, wasm.WASI), f)
		imports = append(imports, 0, []byte{1, 1, 2, 1}[i])
	}
	for _, f := range g.imports {
		imports = append(name(name(imports, f[0]), f[1]), 0, 0)
	}
	section(2, imports)
	funcs := binary.AppendUvarint(nil, uint64(len(g.bodies)))
	section(3, append(funcs, make([]byte, len(g.bodies))...))
	if g.table {
		section(4, []byte{1, 0x70, 0, 1})
	}
	memory := []byte{1, 0}
	if g.maxPages > 0 {
		memory[1] = 1
	}
	memory = binary.AppendUvarint(memory, uint64(max(g.pages, 1)))
	if g.maxPages > 0 {
		memory = binary.AppendUvarint(memory, uint64(g.maxPages))
	}
	section(5, memory)
	first := byte(4 + len(g.imports))
	section(7, cat([]byte{2}, name(nil, "memory"), []byte{2, 0}, name(nil, "_start"), []byte{0, first}))
	if g.start {
		section(8, []byte{first + 1})
	}
	code := binary.AppendUvarint(nil, uint64(len(g.bodies)))
	for _, body := range g.bodies {
		if !g.locals {
			body = cat([]byte{0}, body)
		}
		code = binary.AppendUvarint(code, uint64(len(body)+1))
		code = cat(code, body, []byte{0x0b})
	}
	section(10, code)
	// The vectors that fd_write and fd_read take lie at 0 and at 16.
	vectors := binary.LittleEndian.AppendUint32(nil, dataAt)
	vectors = binary.LittleEndian.AppendUint32(vectors, uint32(len(g.data)))
	vectors = binary.LittleEndian.AppendUint64(vectors, 0)
	vectors = binary.LittleEndian.AppendUint32(vectors, 32768)
	vectors = binary.LittleEndian.AppendUint32(vectors, 4096)
	vectors = append(vectors, make([]byte, dataAt-len(vectors))...)
	data := cat([]byte{1, 0}, num(0), []byte{0x0b})
	section(11, name(data, string(vectors)+string(g.data)))
	manifest := g.manifest
	if manifest == "" {
		manifest = `{"abi":1,"kind":"generator","name":"hostile","version":"1.0.0","summary":"x"}`
	}
	section(0, append(name(nil, wasm.ManifestSection), manifest...))
	return m
}

func cat(parts ...[]byte) []byte {
	var all []byte
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// num pushes a number.
func num(v int32) []byte {
	b := []byte{0x41}
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

// nums pushes numbers.
func nums(list ...int32) []byte {
	var b []byte
	for _, v := range list {
		b = append(b, num(v)...)
	}
	return b
}

func call(f byte) []byte { return []byte{0x10, f} }

// forever repeats what it is given.
func forever(body ...[]byte) []byte {
	return cat([]byte{0x03, 0x40}, cat(body...), []byte{0x0c, 0, 0x0b})
}

// times repeats a body that leaves the stack as it was; the count lies in
// memory.
func times(n int32, body ...[]byte) []byte {
	const at = 48
	load := cat(num(at), []byte{0x28, 2, 0})
	count := cat(num(at), load, num(1), []byte{0x6a}, []byte{0x36, 2, 0})
	return cat(num(at), num(0), []byte{0x36, 2, 0}, []byte{0x03, 0x40}, cat(body...), count,
		load, num(n), []byte{0x48, 0x0d, 0, 0x0b}) // i32.lt_s, br_if
}

var (
	drop        = []byte{0x1a}
	unreachable = []byte{0x00}
	// write prints the data; writeLog prints it on stderr.
	write    = cat(nums(1, 0, 1, 40), call(0), drop)
	writeLog = cat(nums(2, 0, 1, 40), call(0), drop)
	// read reads up to 4 KiB of the input.
	read = cat(nums(0, 16, 1, 44), call(1), drop)
	// memoryGrow wants pages; it leaves the old size or -1 on the stack.
	memoryGrow = []byte{0x40, 0}
)

func exit(status int32) []byte { return cat(num(status), call(2)) }
