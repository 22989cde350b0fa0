package wasm

import (
	"encoding/binary"
	"io"
	"sync"
	"time"
)

// flushAfter bounds how long a record waits in the child for company.
const flushAfter = 20 * time.Millisecond

// guestIO is the guest's end of the world inside the child: its three standard
// streams, carried as frames over one pipe.
//
// What the guest prints is collected and sent when the buffer is full, when the
// guest wants input that is not there yet, or soon after; so a guest may flush
// as often as it likes.
type guestIO struct {
	in  io.Reader
	out io.Writer

	mu      sync.Mutex
	pending []byte // printed, not sent; starts with room for a frame's header
	timer   *time.Timer
	sent    time.Time // of the last frame of output
	err     error     // of writing to the host; then the host is gone
	logLeft int

	// of the guest's thread alone
	input []byte // taken from in, not read by the guest
	space []byte
	taken uint64
	ended bool // it saw the end of its input
}

func newGuestIO(in io.Reader, out io.Writer, logBytes int) *guestIO {
	g := &guestIO{in: in, out: out, logLeft: logBytes, space: make([]byte, maxFrame)}
	g.pending = make([]byte, frameHeader, frameHeader+maxFrame)
	return g
}

// Read is the guest's fd_read on descriptor 0.
func (g *guestIO) Read(p []byte) (int, error) {
	if len(g.input) == 0 {
		g.mu.Lock()
		g.flush()
		g.send(frameWaiting, binary.LittleEndian.AppendUint64(nil, g.taken))
		err := g.err
		g.mu.Unlock()
		if err != nil {
			return 0, err
		}
		n, err := g.in.Read(g.space)
		if n == 0 {
			g.ended = true
			return 0, err
		}
		g.taken += uint64(n)
		g.input = g.space[:n]
	}
	n := copy(p, g.input)
	g.input = g.input[n:]
	return n, nil
}

// Write is the guest's fd_write on descriptor 1.
func (g *guestIO) Write(p []byte) (int, error) {
	if len(p) == 0 { // half of what C's stdio writes
		return 0, nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	total := len(p)
	for len(p) > 0 {
		if len(g.pending) == cap(g.pending) {
			g.flush()
		}
		if g.err != nil {
			return 0, g.err
		}
		if len(g.pending) == frameHeader {
			g.arm()
		}
		n := min(len(p), cap(g.pending)-len(g.pending))
		g.pending = append(g.pending, p[:n]...)
		p = p[n:]
	}
	// The timer is of no use against a guest that computes: while the garbage
	// collector waits for it to pause, no timer runs.
	if time.Since(g.sent) >= flushAfter {
		g.flush()
	}
	return total, nil
}

// arm has what was printed sent soon. Requires that mu is held.
func (g *guestIO) arm() {
	if g.timer == nil {
		g.timer = time.AfterFunc(flushAfter, g.Flush)
		return
	}
	g.timer.Reset(flushAfter)
}

// Flush sends what the guest printed.
func (g *guestIO) Flush() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.flush()
}

// flush requires that mu is held.
func (g *guestIO) flush() {
	if len(g.pending) == frameHeader {
		return
	}
	g.pending[0] = frameOutput
	binary.LittleEndian.PutUint32(g.pending[1:], uint32(len(g.pending)-frameHeader))
	g.write(g.pending)
	g.pending, g.sent = g.pending[:frameHeader], time.Now()
}

// send requires that mu is held.
func (g *guestIO) send(kind byte, payload []byte) {
	g.write(appendFrame(nil, kind, payload))
}

// write requires that mu is held.
func (g *guestIO) write(frame []byte) {
	if g.err == nil {
		_, g.err = g.out.Write(frame)
	}
}

// end sends the last frame.
func (g *guestIO) end(payload []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.flush()
	g.send(frameEnd, payload)
}

// guestLog is the guest's fd_write on descriptor 2: bounded, the rest dropped.
type guestLog struct{ *guestIO }

// Write sends p at once.
func (l guestLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	total := len(p)
	p = p[:min(len(p), l.logLeft)]
	l.logLeft -= len(p)
	for len(p) > 0 {
		n := min(len(p), maxFrame)
		l.send(frameLog, p[:n])
		p = p[n:]
	}
	return total, nil
}
