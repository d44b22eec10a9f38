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
	footHeight = 12
	barHeight  = 16
)

// canvas is a drawing that grows downwards in rows.
type canvas struct {
	b strings.Builder
}

// newCanvas begins a drawing with room for a number of rows.
func newCanvas(title, unit string, rows int) *canvas {
	return newDrawing(title, unit, headHeight+rows*rowHeight+footHeight)
}

func newDrawing(title, unit string, height int) *canvas {
	c := &canvas{}
	fmt.Fprintf(&c.b,
		`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" `+
			`font-family="sans-serif" font-size="13" role="img">`+"\n",
		width, height, width, height)
	fmt.Fprintf(&c.b, "<title>%s</title>\n", escape(title))
	fmt.Fprintf(&c.b, "<style>%s</style>\n", styles())
	fmt.Fprintf(&c.b, `<rect width="%d" height="%d" class="%s"/>`+"\n", width, height, paper)
	c.text(12, 24, "start", ink, "bold", title)
	fmt.Fprintf(&c.b, `<text x="12" y="44" font-size="12" class="%s">%s</text>`+"\n",
		faint, escape(unit))
	return c
}

// row is the middle of a row.
func row(i int) float64 { return headHeight + (float64(i)+0.5)*rowHeight }

func (c *canvas) text(x, y float64, anchor string, col colour, weight, s string) {
	fmt.Fprintf(&c.b,
		`<text x="%.1f" y="%.1f" text-anchor="%s" class="%s" font-weight="%s">%s</text>`+"\n", x, y,
		anchor, col, weight, escape(s))
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
func (c *canvas) rect(x, y, w, h float64, col colour) {
	fmt.Fprintf(&c.b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" class="%s"/>`+"\n",
		x, y, w, h, col)
}

func (c *canvas) line(x1, y1, x2, y2 float64, col colour) {
	fmt.Fprintf(&c.b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>`+"\n",
		x1, y1, x2, y2, col.stroke())
}

func (c *canvas) dot(x, y, r float64, col colour) {
	fmt.Fprintf(&c.b, `<circle cx="%.1f" cy="%.1f" r="%.1f" class="%s"/>`+"\n", x, y, r, col)
}

// path draws a line through points, x and y in turn.
func (c *canvas) path(points []float64, thickness float64, dashes string, col colour) {
	c.b.WriteString(`<polyline points="`)
	for i := 0; i+1 < len(points); i += 2 {
		fmt.Fprintf(&c.b, "%.1f,%.1f ", points[i], points[i+1])
	}
	fmt.Fprintf(&c.b, `" fill="none" stroke-width="%.1f" stroke-dasharray="%s" class="%s"/>`+"\n",
		thickness, dashes, col.stroke())
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
