package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A sheet is an answer: the most important line, then sections of facts.
type sheet struct {
	headline string
	sections []*section
}

// A section is a heading and groups of facts; a group shares an origin.
type section struct {
	title  string
	groups []*group
}

type group struct {
	origin
	lines []line
}

// A line is a fact with a label, or a text of its own if the label is empty.
type line struct {
	label, text string
	kind        kind
}

// A kind is how a line without a label is shown.
type kind int

const (
	prose   kind = iota
	command      // never broken: somebody may paste it
	item         // of a list
)

// An origin says where facts come from and of when they are.
type origin struct {
	source string
	asOf   time.Time
}

func (s *sheet) section(title string) *section {
	sec := &section{title: title}
	s.sections = append(s.sections, sec)
	return sec
}

// from begins a group of facts.
func (s *section) from(source string, asOf time.Time) *group {
	g := &group{origin: origin{source, asOf}}
	s.groups = append(s.groups, g)
	return g
}

// fact adds a fact; one without a value is left out.
func (g *group) fact(label, format string, args ...any) {
	if text := fmt.Sprintf(format, args...); text != "" {
		g.lines = append(g.lines, line{label: label, text: text})
	}
}

// text adds a line without a label.
func (g *group) text(format string, args ...any) {
	g.lines = append(g.lines, line{text: fmt.Sprintf(format, args...)})
}

// command adds a command that somebody may paste.
func (g *group) command(text string) {
	g.lines = append(g.lines, line{text: "$ " + text, kind: command})
}

// item adds one of several things, each on lines of its own.
func (g *group) item(text string) { g.lines = append(g.lines, line{text: "- " + text, kind: item}) }

// The measures of a page: what fits an ordinary terminal.
const (
	pageWidth  = 96
	labelWidth = 18
	indent     = "  "
)

// String renders the sheet as plain text. Whatever tools and files said is
// made harmless to a terminal here.
func (s *sheet) String() string {
	var b strings.Builder
	wrap(&b, plain(s.headline), "", "")
	for _, sec := range s.sections {
		facts := 0
		for _, g := range sec.groups {
			facts += len(g.lines)
		}
		if facts == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n%s\n", plain(sec.title))
		sec.write(&b)
	}
	return b.String()
}

// write renders the groups; neighbours of one origin name it once.
func (s *section) write(b *strings.Builder) {
	groups := slices.DeleteFunc(slices.Clone(s.groups), func(g *group) bool { return len(g.lines) == 0 })
	for i, g := range groups {
		for _, l := range g.lines {
			l.write(b)
		}
		if i+1 == len(groups) || groups[i+1].origin != g.origin {
			fmt.Fprintf(b, "%s[source: %s; as_of: %s]\n", indent, plain(g.source), stamp(g.asOf))
		}
	}
}

func (l *line) write(b *strings.Builder) {
	switch {
	case l.kind == command:
		fmt.Fprintf(b, "%s%s\n", indent, plain(l.text))
	case l.kind == item:
		wrap(b, plain(l.text), indent, indent+"  ")
	case l.label == "":
		wrap(b, plain(l.text), indent, indent)
	default:
		wrap(b, plain(l.text), fmt.Sprintf("%s%-*s ", indent, labelWidth, plain(l.label)), indent+strings.Repeat(" ", labelWidth+1))
	}
}

// stamp renders a time; an unknown one says so.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	return t.UTC().Format(time.RFC3339)
}

// wrap writes text in lines of the page's width, the first after first, the
// others after rest. A word that is too long stays whole: it may be a path.
func wrap(b *strings.Builder, text, first, rest string) {
	column := utf8.RuneCountInString(first)
	b.WriteString(first)
	empty := true
	for word := range strings.FieldsSeq(text) {
		width := utf8.RuneCountInString(word)
		if !empty && column+1+width > pageWidth {
			b.WriteString("\n" + rest)
			column, empty = utf8.RuneCountInString(rest), true
		}
		if !empty {
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column, empty = column+width, false
	}
	b.WriteByte('\n')
}

// plain makes text harmless: valid UTF-8, one line, no control characters, no
// characters that cannot be seen or that change the direction of writing.
func plain(s string) string {
	clean := func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp), r == utf8.RuneError:
			return '?'
		}
		return r
	}
	return strings.Map(clean, strings.ToValidUTF8(s, "?"))
}

// clip bounds a text.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "..."
}

// names renders a list with its count: "3: a, b, c" or "40: a, b, ... and 38
// more".
func names(list []string, most int) string {
	switch {
	case len(list) == 0:
		return "none"
	case len(list) <= most:
		return fmt.Sprintf("%d: %s", len(list), strings.Join(list, ", "))
	}
	return fmt.Sprintf("%d: %s and %d more", len(list), strings.Join(list[:most], ", "), len(list)-most)
}

// size renders bytes as people say them.
func size(bytes uint64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	value, unit := float64(bytes), 0
	for value >= 1024 && unit < len(units)-1 {
		value /= 1024
		unit++
	}
	if unit == 0 || value >= 100 {
		return fmt.Sprintf("%.0f %s", value, units[unit])
	}
	return fmt.Sprintf("%.1f %s", value, units[unit])
}

// age renders how long ago something was.
func age(d time.Duration) string {
	switch {
	case d < 0:
		return "in the future: this machine's clock may be wrong"
	case d < 2*time.Minute:
		return "just now"
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutes ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d hours ago", int(d.Hours()))
	}
	return fmt.Sprintf("%d days ago", int(d.Hours()/24))
}
