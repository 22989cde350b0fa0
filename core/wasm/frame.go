package wasm

import (
	"encoding/binary"
	"fmt"
	"io"
)

// What a child sends to the host over its standard output: a byte that says
// what it is, the length of the rest as four bytes, least significant first,
// and the rest.
const (
	frameOutput  = 'o' // what the guest printed
	frameLog     = 'l' // what the guest printed on stderr
	frameWaiting = 'w' // the guest reads; the input bytes that the child has taken so far
	frameEnd     = 'e' // how it ended: a childEnd as JSON
)

// maxFrame bounds a frame. The host refuses longer ones.
const maxFrame = 64 << 10

const frameHeader = 5

// childEnd is the last frame of a child.
type childEnd struct {
	// Reason is empty if all went well.
	Reason  Reason `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
	// ReadAll says that the guest saw the end of its input.
	ReadAll bool `json:"read_all,omitempty"`
	// Probe is what the child could and could not do, if it was asked for.
	Probe *Containment `json:"probe,omitempty"`
}

// appendFrame appends a frame to b.
func appendFrame(b []byte, kind byte, payload []byte) []byte {
	b = append(b, kind)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(payload)))
	return append(b, payload...)
}

// readFrame reads one frame into buf, which must hold maxFrame bytes. At a
// clean end it returns io.EOF.
func readFrame(r io.Reader, buf []byte) (kind byte, payload []byte, err error) {
	var head [frameHeader]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.LittleEndian.Uint32(head[1:])
	if n > maxFrame {
		return 0, nil, fmt.Errorf("a frame of %d bytes; at most %d", n, maxFrame)
	}
	if _, err := io.ReadFull(r, buf[:n]); err != nil {
		return 0, nil, io.ErrUnexpectedEOF
	}
	return head[0], buf[:n], nil
}
