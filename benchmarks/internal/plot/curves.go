package plot

import (
	"cmp"
	"math"
	"slices"
)

// Curves is a chart with a line for each row, over percentiles that stand further apart the rarer
// they are; durations are in microseconds, on a logarithmic scale.
type Curves struct {
	Title string
	Unit  string
	Steps []string // names of the percentiles
	Rows  []Curve
}

// Curve is a line: a value for each step, 0 for none, with its range.
type Curve struct {
	Label  string
	Values []float64
	Min    []float64 // as many as values, or none
	Max    []float64
	Accent bool // the one that the chart is about
}

const (
	curveHeight = 300 // of the space for the lines
	nameHeight  = 15  // of the names at the right
	stepInset   = 14  // between the frame and the first and last step
)

// SVG draws the chart.
func (c Curves) SVG() string {
	named := max(0, len(c.Rows)*nameHeight-curveHeight) // they may need more room than the lines
	d := newDrawing(c.Title, c.Unit, headHeight+curveHeight+named+32)
	var all []float64
	for _, r := range c.Rows {
		all = append(append(append(all, r.Values...), r.Min...), r.Max...)
	}
	scale := logScaleOf(all)
	for _, decade := range scale.decades() {
		y := curveY(scale, decade)
		d.line(labelWidth, y, width-valueWidth, y, line)
		d.text(labelWidth-8, y+4.5, "end", faint, "normal", duration(decade))
	}
	for i, name := range c.Steps {
		d.text(c.stepX(i), headHeight+curveHeight+20, "middle", faint, "normal", name)
	}
	colours := c.colours()
	for i, r := range c.Rows {
		if !r.Accent {
			c.draw(d, r, scale, colours[i], dashes[(i/len(shades))%len(dashes)])
		}
	}
	for i, r := range c.Rows { // above the others
		if r.Accent {
			c.draw(d, r, scale, colours[i], "")
		}
	}
	c.names(d, scale, colours)
	return d.done()
}

// dashes keep lines apart that have the same colour.
var dashes = []string{"", "6 3", "2 3"}

// colours gives each row one; that of the accent is kept for it.
func (c Curves) colours() []colour {
	rest := slices.DeleteFunc(slices.Clone(shades), func(s colour) bool { return s == shades[1] })
	colours := make([]colour, len(c.Rows))
	for i, r := range c.Rows {
		if colours[i] = rest[i%len(rest)]; r.Accent {
			colours[i] = accent
		}
	}
	return colours
}

func (c Curves) stepX(i int) float64 {
	const space = width - valueWidth - labelWidth - 2*stepInset
	return labelWidth + stepInset + float64(i)/float64(max(len(c.Steps)-1, 1))*space
}

func curveY(s logScale, v float64) float64 { return headHeight + (1-s.part(v))*curveHeight }

func (c Curves) draw(d *canvas, r Curve, scale logScale, col colour, dash string) {
	thickness := 1.5
	if r.Accent {
		thickness = 3
	}
	var points []float64
	for i, v := range r.Values[:min(len(r.Values), len(c.Steps))] {
		if v = drawable(v); v <= 0 {
			continue
		}
		x, y := c.stepX(i), curveY(scale, v)
		points = append(points, x, y)
		d.dot(x, y, thickness+1, col)
		if i < len(r.Min) && i < len(r.Max) && drawable(r.Min[i]) > 0 &&
			drawable(r.Max[i]) > r.Min[i] {
			d.line(x, curveY(scale, r.Min[i]), x, curveY(scale, r.Max[i]), col)
		}
	}
	d.path(points, thickness, dash, col)
}

// names writes the labels beside the ends of their lines, moved so that none covers another.
func (c Curves) names(d *canvas, scale logScale, colours []colour) {
	type name struct {
		row int
		y   float64
	}
	var names []name
	for i, r := range c.Rows {
		if end := lastOf(r.Values); end > 0 {
			names = append(names, name{i, curveY(scale, end)})
		}
	}
	slices.SortStableFunc(names, func(a, b name) int { return cmp.Compare(a.y, b.y) })
	bottom := headHeight + max(curveHeight, float64(len(names)*nameHeight))
	for i := range names { // downwards, but leaving room for those below
		low, high := headHeight+float64(i*nameHeight), bottom-float64((len(names)-1-i)*nameHeight)
		if i > 0 {
			low = max(low, names[i-1].y+nameHeight)
		}
		names[i].y = min(max(names[i].y, low), high)
	}
	for _, n := range names {
		r, weight := c.Rows[n.row], "normal"
		if r.Accent {
			weight = "bold"
		}
		x := c.stepX(len(c.Steps) - 1)
		d.line(x+6, curveY(scale, lastOf(r.Values)), width-valueWidth+16, n.y, colours[n.row])
		d.text(width-valueWidth+20, n.y+4.5, "start", colours[n.row], weight, r.Label)
	}
}

// lastOf is the last value that can be drawn; 0 if there is none.
func lastOf(values []float64) float64 {
	last := 0.0
	for _, v := range values {
		if v = drawable(v); v > 0 {
			last = v
		}
	}
	return math.Abs(last)
}
