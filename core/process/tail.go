package process

import (
	"bytes"
	"io"
	"strings"
	"sync"
)

// tailSize is how much of a plugin's stderr is remembered.
const tailSize = 8 << 10

// A tail is a writer that remembers the end of what was written, and hands it
// on, without secrets. It is safe for concurrent use.
type tail struct {
	next    io.Writer // nil is nobody
	secrets secrets

	mu    sync.Mutex
	buf   []byte
	cause []byte // the line that a crash began with, if one did
}

// crashes are how Go tells of a crash. The traceback of all goroutines that
// follows may well drive that line out of the tail.
var crashes = [][]byte{[]byte("panic: "), []byte("fatal error: "), []byte("fatal: "), []byte("runtime/cgo: "), []byte("SIG")}

// maxCause bounds the line that is kept of a crash.
const maxCause = 500

// Write never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	clean := []byte(t.secrets.clean(string(p)))
	if t.next != nil {
		_, _ = t.next.Write(clean)
	}
	for _, prefix := range crashes {
		if len(t.cause) == 0 && bytes.HasPrefix(clean, prefix) { // go-plugin writes line by line
			t.cause = bytes.Clone(clean[:min(len(clean), maxCause)])
		}
	}
	t.buf = append(t.buf, clean...)
	if over := len(t.buf) - tailSize; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(p), nil
}

// lastWords returns the last lines that are no structured log, for an error.
func (t *tail) lastWords() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var lines []string
	if len(t.cause) > 0 && !bytes.Contains(t.buf, t.cause) {
		lines = []string{strings.ToValidUTF8(string(t.cause), "?"), "..."}
	}
	for line := range bytes.Lines(t.buf) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && !bytes.HasPrefix(line, []byte(`{"@`)) {
			lines = append(lines, strings.ToValidUTF8(string(line), "?"))
		}
	}
	const most = 12
	if len(lines) > most {
		lines = append(append(lines[:3:3], "..."), lines[len(lines)-most+3:]...)
	}
	return strings.Join(lines, "\n")
}
