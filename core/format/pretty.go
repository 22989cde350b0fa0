package format

import (
	"strings"

	"charm.land/lipgloss/v2"

	"github.com/cortexlinux/cortex-host/sdk"
)

// Pretty writes results for people at a terminal: a heading for each, the
// answer wrapped to the width, and what went wrong. Everything untrusted is
// cleaned before it is styled.
type Pretty struct {
	// Width is the terminal's in columns; 0 is not known, and nothing is
	// wrapped.
	Width int
	// Color allows styles; without it there is not one escape sequence.
	Color bool
}

var _ Encoder = Pretty{}

// maxWidth is where long lines stop being easy to read.
const maxWidth = 100

// Append appends the result's heading and text.
func (p Pretty) Append(dst []byte, r *sdk.Result) ([]byte, error) {
	title, facts := "● "+Inline(r.QueryID), Facts(r)
	between := "  "
	if p.Width > 0 && lipgloss.Width(title+between+facts) > p.Width {
		facts, between = p.wrap(facts), "\n"
	}
	if p.Color {
		mark := lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Green)
		if r.Error != nil {
			mark = mark.Foreground(lipgloss.Red)
		}
		title = mark.Render(title)
		faint := lipgloss.NewStyle().Faint(true)
		lines := strings.Split(facts, "\n") // together they would be filled up to one width
		for i, line := range lines {
			lines[i] = faint.Render(line)
		}
		facts = strings.Join(lines, "\n")
	}
	var b strings.Builder
	b.WriteString(title + between + facts + "\n")
	if body := Body(r); body != "" {
		b.WriteString(p.wrap(body) + "\n")
	}
	b.WriteByte('\n')
	return append(dst, b.String()...), nil
}

// wrap breaks lines at spaces and indents the whole under its heading.
func (p Pretty) wrap(text string) string {
	const indent = "  "
	width := maxWidth
	if p.Width > 0 {
		width = min(width, max(p.Width-len(indent), 20))
		text = lipgloss.Wrap(strings.ReplaceAll(text, "\t", "    "), width, " -")
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if line != "" {
			lines[i] = indent + strings.TrimRight(line, " ")
		}
	}
	return strings.Join(lines, "\n")
}
