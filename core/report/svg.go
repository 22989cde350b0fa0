package report

import (
	"fmt"
	"html/template"
	"strings"
)

// A size is one of the two in which each chart is drawn: text on a chart that
// is scaled down to a phone could not be read.
type size struct {
	class         string
	width, height float64
	bars, ticks   int
}

var (
	wide   = size{"wide", 520, 236, 80, 7}
	narrow = size{"narrow", 340, 220, 44, 4}
)

// The margins around the plot.
const (
	marginLeft, marginRight  = 46.0, 14.0
	marginTop, marginBottom  = 34.0, 40.0
	tickLength, labelDescent = 4.0, 4.0
)

// A drawing is an SVG in the making. Text is escaped, the look is left to the
// page's style sheet.
type drawing struct {
	size
	b strings.Builder
	// xEnd and yEnd are the values at the ends of the axes, which begin at 0.
	xEnd, yEnd float64
}

// draw begins a chart that a screen reader reads out as its title and summary.
func draw(s size, title, summary string) *drawing {
	d := &drawing{size: s}
	fmt.Fprintf(&d.b, `<svg class="chart %s" viewBox="0 0 %g %g" role="img" aria-label="%s">`,
		s.class, s.width, s.height, template.HTMLEscapeString(title+". "+summary))
	return d
}

func (d *drawing) x(v float64) float64 {
	return marginLeft + v/d.xEnd*(d.width-marginLeft-marginRight)
}

func (d *drawing) y(v float64) float64 {
	return d.height - marginBottom - v/d.yEnd*(d.height-marginTop-marginBottom)
}

func (d *drawing) line(class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(&d.b, `<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, class, x1, y1, x2, y2)
}

// rect draws a bar from (x1, y1) to (x2, y2) that says title when pointed at.
func (d *drawing) rect(class string, x1, y1, x2, y2 float64, title string) {
	fmt.Fprintf(&d.b, `<rect class="%s" x="%.2f" y="%.2f" width="%.2f" height="%.2f"><title>%s</title></rect>`,
		class, x1, y1, max(x2-x1, 0.1), max(y2-y1, 0), template.HTMLEscapeString(title))
}

func (d *drawing) text(class, anchor string, x, y float64, s string) {
	fmt.Fprintf(&d.b, `<text class="%s" text-anchor="%s" x="%.1f" y="%.1f">%s</text>`, class, anchor, x, y, template.HTMLEscapeString(s))
}

// yAxis draws the grid lines, their numbers and above them the unit.
func (d *drawing) yAxis(ticks []tick, unit string) {
	d.yEnd = ticks[len(ticks)-1].at
	for _, t := range ticks {
		y := d.y(t.at)
		class := "grid"
		if t.at == 0 {
			class = "axis"
		}
		d.line(class, marginLeft, y, d.width-marginRight, y)
		d.text("tick", "end", marginLeft-8, y+labelDescent, t.label)
	}
	d.text("unit", "start", 4, 14, unit)
}

// xTick draws one tick of the axis at the bottom.
func (d *drawing) xTick(x float64, label string) {
	bottom := d.height - marginBottom
	d.line("axis", x, bottom, x, bottom+tickLength)
	anchor := "middle"
	if x > d.width-marginRight-12 {
		anchor, x = "end", d.width-2
	}
	d.text("tick", anchor, x, bottom+17, label)
}

// xName writes what the axis at the bottom shows.
func (d *drawing) xName(name string) {
	d.text("unit", "end", d.width-marginRight, d.height-5, name)
}

func (d *drawing) end() string {
	d.b.WriteString("</svg>")
	return d.b.String()
}

// bothSizes draws a chart twice; the page shows the one that fits.
func bothSizes(chart func(size) string) template.HTML {
	return template.HTML(chart(wide) + chart(narrow))
}

// share draws a thin horizontal bar for a table's cell, filled up to the share
// of part in whole.
func share(class string, part, whole float64) template.HTML {
	width := 0.0
	if whole > 0 {
		width = min(max(part/whole, 0), 1) * 100
	}
	return template.HTML(fmt.Sprintf(`<svg class="share" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">`+
		`<rect class="track" width="100" height="8"/><rect class="%s" width="%.2f" height="8"/></svg>`, class, width))
}
