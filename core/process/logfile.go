package process

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

const (
	// keptLogs is how many predecessors a log file has: NAME.1 to NAME.3.
	keptLogs = 3
	// maxLogLine bounds a line of a log file.
	maxLogLine = 16 << 10
)

// A logFile is a file that is appended to, and becomes NAME.1 when it is full.
// Several processes may write to one. It is safe for concurrent use.
type logFile struct {
	path string
	max  int64 // of one file

	mu   sync.Mutex
	file *os.File
	line []byte // what has no end yet
	cut  bool   // the line's beginning was written, its rest is not
}

// openLog opens a log file whose files together stay below size. Only this user
// can read it.
func openLog(path string, size int64) (*logFile, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("the plugin's log: %w", err)
	}
	l := &logFile{path: path, max: max(1, size/(keptLogs+1))}
	if err := l.open(); err != nil {
		return nil, fmt.Errorf("the plugin's log: %w", err)
	}
	return l, nil
}

func (l *logFile) open() (err error) {
	l.file, err = os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY|syscall.O_NOFOLLOW, 0o600)
	return err
}

// Write takes text in pieces of any size and never fails: a full disk must not
// stop a plugin.
func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for rest := p; len(rest) > 0; {
		piece, after, ended := bytes.Cut(rest, []byte("\n"))
		l.add(piece)
		if ended {
			l.end()
		}
		rest = after
	}
	return len(p), nil
}

// add appends to the line, up to its bound. It requires that mu is held.
func (l *logFile) add(piece []byte) {
	if l.cut {
		return
	}
	if room := maxLogLine - len(l.line); len(piece) > room {
		l.line = append(append(l.line, piece[:room]...), " [cut]"...)
		l.cut = true
		return
	}
	l.line = append(l.line, piece...)
}

// end writes the line. It requires that mu is held.
func (l *logFile) end() {
	l.line = append(l.line, '\n')
	l.makeRoom(int64(len(l.line)))
	if l.file != nil {
		_, _ = l.file.Write(l.line)
	}
	l.line, l.cut = l.line[:0], false
}

// makeRoom rotates the files if the line does not fit any more. It requires
// that mu is held.
func (l *logFile) makeRoom(more int64) {
	if l.file == nil {
		return
	}
	info, err := l.file.Stat()
	if err != nil || info.Size() == 0 || info.Size()+more <= l.max {
		return
	}
	// Another process may have rotated it already, or be about to.
	_ = syscall.Flock(int(l.file.Fd()), syscall.LOCK_EX)
	if now, err := os.Stat(l.path); err == nil && os.SameFile(now, info) {
		for i := keptLogs; i > 1; i-- {
			_ = os.Rename(fmt.Sprintf("%s.%d", l.path, i-1), fmt.Sprintf("%s.%d", l.path, i))
		}
		_ = os.Rename(l.path, l.path+".1")
	}
	l.file.Close()
	if l.open() != nil {
		l.file = nil
	}
}

// Close ends the file.
func (l *logFile) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.line) > 0 {
		l.end()
	}
	if l.file != nil {
		l.file.Close()
		l.file = nil
	}
}
