package wasm

import (
	"bytes"
	"slices"
	"strings"
	"sync"
)

// logLines turns what a guest prints on stderr into lines for a log, and keeps
// some of them for an error. It is safe for concurrent use.
type logLines struct {
	name  string
	print func(generator, line string)

	mu    sync.Mutex
	total int
	part  []byte
	first []string // the lines that say why
	kept  []string // the last of the others
	lines int
}

const (
	maxLogLine = 1 << 10
	firstLines = 3
	keptLines  = 5
)

// write takes a piece of the guest's stderr; what goes beyond max bytes in all
// is dropped.
func (l *logLines) write(p []byte, max int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if room := max - l.total; len(p) > room {
		p = p[:room]
	}
	l.total += len(p)
	for len(p) > 0 {
		line, rest, whole := bytes.Cut(p, []byte("\n"))
		if room := maxLogLine - len(l.part); len(line) > room {
			line = line[:room]
		}
		l.part = append(l.part, line...)
		if whole {
			l.emit()
		}
		p = rest
	}
}

// emit requires that mu is held.
func (l *logLines) emit() {
	line := strings.TrimRight(quoteText(string(l.part), maxLogLine), " ")
	l.part = l.part[:0]
	if line == "" {
		return
	}
	if l.lines++; len(l.first) < firstLines {
		l.first = append(l.first, line)
	} else if l.kept = append(l.kept, line); len(l.kept) > keptLines {
		l.kept = l.kept[1:]
	}
	if l.print != nil {
		l.print(l.name, line)
	}
}

// host adds a line of the host's own.
func (l *logLines) host(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.print != nil {
		l.print(l.name, line)
	}
}

// excerpt returns the first and the last lines.
func (l *logLines) excerpt() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.part) > 0 {
		l.emit()
	}
	lines := slices.Clone(l.first)
	if l.lines > len(l.first)+len(l.kept) {
		lines = append(lines, "...")
	}
	return strings.Join(append(lines, l.kept...), "\n")
}
