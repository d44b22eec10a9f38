package plot

import (
	"encoding/xml"
	"fmt"
	"math"
	"strings"
)

// Sizes in the units of the drawing, which are pixels when it is shown unscaled.
const (
	width      = 760
	labelWidth = 110 // for the names at the left
	valueWidth = 150 // for the figures at the right
	rowHeight  = 26
	headHeight = 62
	footHeight = 24
	barHeight  = 16
)

// The colours keep apart for people who do not see all colours, and on paper.
const (
	ink    = "#1f2933"
	faint  = "#7b8794"
	line   = "#d9dee4"
	normal = "#8aa4c2"
	accent = "#d9822b"
)

// canvas is a drawing that grows downwards in rows.
type canvas struct {
	b strings.Builder
}

// newCanvas begins a drawing with a number of rows.
func newCanvas(title, unit string, rows int) *canvas {
	c := &canvas{}
	height := headHeight + rows*rowHeight + footHeight
	fmt.Fprintf(&c.b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" `+
		`font-family="sans-serif" font-size="13" role="img">`+"\n", width, height, width, height)
	fmt.Fprintf(&c.b, "<title>%s</title>\n", escape(title))
	fmt.Fprintf(&c.b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", width, height)
	c.text(12, 24, "start", ink, "bold", title)
	fmt.Fprintf(&c.b, `<text x="12" y="44" font-size="12" fill="%s">%s</text>`+"\n", faint, escape(unit))
	return c
}

// row is the middle of a row.
func row(i int) float64 { return headHeight + (float64(i)+0.5)*rowHeight }

func (c *canvas) text(x, y float64, anchor, colour, weight, s string) {
	fmt.Fprintf(&c.b, `<text x="%.1f" y="%.1f" text-anchor="%s" fill="%s" font-weight="%s">%s</text>`+"\n",
		x, y, anchor, colour, weight, escape(s))
}

// label writes the name of a row.
func (c *canvas) label(i int, s string, strong bool) {
	weight := "normal"
	if strong {
		weight = "bold"
	}
	c.text(labelWidth-8, row(i)+4.5, "end", ink, weight, s)
}

// rect draws a filled rectangle.
func (c *canvas) rect(x, y, w, h float64, colour string) {
	fmt.Fprintf(&c.b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`+"\n", x, y, w, h, colour)
}

func (c *canvas) line(x1, y1, x2, y2 float64, colour string) {
	fmt.Fprintf(&c.b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"/>`+"\n", x1, y1, x2, y2, colour)
}

func (c *canvas) dot(x, y, r float64, colour string) {
	fmt.Fprintf(&c.b, `<circle cx="%.1f" cy="%.1f" r="%.1f" fill="%s"/>`+"\n", x, y, r, colour)
}

// done ends the drawing.
func (c *canvas) done() string { return c.b.String() + "</svg>\n" }

// escape makes a string safe as character data; what XML cannot express becomes U+FFFD.
func escape(s string) string {
	var b strings.Builder
	// A Builder takes everything.
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}

// drawable is v, or 0 when v has no place on a scale.
func drawable(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
		return 0
	}
	return v
}
