package main

import (
	"bytes"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

const (
	refreshEvery = 150 * time.Millisecond
	// appearAfter keeps runs that are over at once free of a bar that flickers.
	appearAfter = 400 * time.Millisecond
	barWidth    = 20
)

// bar draws two lines that are redrawn in place, and takes them away in the end.
// Notes, and whatever is written to live, are printed above them.
func (a *app) bar(m *meter) (live io.Writer, stop func()) {
	file, ok := a.stderr.(*os.File)
	if !ok {
		return nil, func() {}
	}
	p := mpb.New(mpb.WithConsoleWriter(newScreen(file)), mpb.WithRefreshRate(refreshEvery))
	row := func(show func(g gauge, width int) string) *mpb.Bar {
		// The column on the right stays free: a full line would wrap.
		text := decor.Any(func(s decor.Statistics) string { return show(m.shared(refreshEvery/2), s.AvailableWidth-1) })
		return p.New(0, mpb.NopStyle(), mpb.PrependDecorators(text), mpb.BarFillerTrim())
	}
	rows := []*mpb.Bar{row(progressRow), row(func(g gauge, width int) string { return fit(g.speed(), width) })}
	back := a.redirect(p)
	return p, func() {
		for _, r := range rows {
			r.Abort(true)
		}
		p.Wait()
		back()
	}
}

// progressRow is the first line: a bar, if there is room and an end, and how
// far the run is.
func progressRow(g gauge, width int) string {
	if g.Total <= 0 || width < 3*barWidth {
		return fit(g.progress(), width)
	}
	full := int(min(int64(g.Done), g.Total) * barWidth / g.Total)
	return "[" + strings.Repeat("=", full) + strings.Repeat(" ", barWidth-full) + "] " + fit(g.progress(), width-barWidth-3)
}

// shared returns a gauge that is at most so old to several readers.
func (m *meter) shared(age time.Duration) gauge {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now := time.Now(); now.Sub(m.cached) >= age {
		m.recent, m.cached = m.read(), now
	}
	return m.recent
}

// A screen is the terminal as mpb sees it. It knows how wide the lines are that
// it has to erase: a terminal that got narrower has wrapped them.
type screen struct {
	bytes.Buffer
	file  *os.File
	began time.Time
	drawn []int // widths of the live lines
}

var _ mpb.ConsoleWriter = (*screen)(nil)

func newScreen(f *os.File) *screen { return &screen{file: f, began: time.Now()} }

// IsTerminal implements [mpb.ConsoleWriter].
func (s *screen) IsTerminal() bool { return true }

// GetTermSize implements [mpb.ConsoleWriter].
func (s *screen) GetTermSize() (width, height int, err error) {
	width, height, err = term.GetSize(int(s.file.Fd()))
	if err != nil || width <= 0 || height <= 0 { // some say 0
		return 80, 24, nil
	}
	return width, height, nil
}

// Flush writes what was buffered; its last lines are live, and replace those
// that were live before.
func (s *screen) Flush(lines int) error {
	defer s.Reset()
	above, live := splitLines(s.Bytes(), lines)
	if time.Since(s.began) < appearAfter {
		live = nil
	}
	if len(above) == 0 && len(live) == 0 && len(s.drawn) == 0 {
		return nil
	}
	width, _, err := s.GetTermSize()
	if err != nil {
		return err
	}
	var out []byte
	if rows := rowsOf(s.drawn, width); rows > 0 {
		out = append(out, strings.Repeat("\x1b[A", rows)+"\r\x1b[J"...)
	}
	out = append(append(out, above...), live...)
	s.drawn = s.drawn[:0]
	for line := range bytes.Lines(live) {
		s.drawn = append(s.drawn, utf8.RuneCount(bytes.TrimRight(line, "\n")))
	}
	_, err = s.file.Write(out)
	return err
}

// rowsOf returns how many rows of a terminal lines of these widths take.
func rowsOf(lines []int, width int) (rows int) {
	for _, n := range lines {
		rows += max(1, (n+width-1)/width)
	}
	return rows
}

// splitLines splits off the last n lines.
func splitLines(text []byte, n int) (before, last []byte) {
	at := len(text)
	for range n {
		at = bytes.LastIndexByte(text[:max(at-1, 0)], '\n') + 1
	}
	return text[:at], text[at:]
}
