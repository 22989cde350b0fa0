package process

import (
	"bytes"
	"strings"
	"sync"
)

// tailSize is how much of a plugin's stderr is remembered.
const tailSize = 8 << 10

// tail is a writer that remembers the end of what was written. It is safe for
// concurrent use.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

// Write never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
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
