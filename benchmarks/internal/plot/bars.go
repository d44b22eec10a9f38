package plot

import "fmt"

// Bars is a chart with a horizontal bar for each row.
type Bars struct {
	Title  string
	Unit   string // what the figures are
	Digits int    // after the decimal point
	Rows   []Bar
}

// Bar is a figure with its spread.
type Bar struct {
	Label           string
	Value, Min, Max float64
	Accent          bool // the one that the chart is about
}

// SVG draws the chart.
func (b Bars) SVG() string {
	c := newCanvas(b.Title, b.Unit, len(b.Rows))
	longest := 0.0
	for _, r := range b.Rows {
		longest = max(longest, drawable(r.Value), drawable(r.Max))
	}
	scale := 0.0
	if longest > 0 {
		scale = (width - labelWidth - valueWidth) / longest
	}
	for i, r := range b.Rows {
		c.bar(i, r, scale, b.Digits)
	}
	return c.done()
}

func (c *canvas) bar(i int, r Bar, scale float64, digits int) {
	colour := normal
	if r.Accent {
		colour = accent
	}
	y := row(i)
	end := labelWidth + drawable(r.Value)*scale
	from, to := labelWidth+drawable(r.Min)*scale, labelWidth+drawable(r.Max)*scale
	c.label(i, r.Label, r.Accent)
	c.rect(labelWidth, y-barHeight/2, end-labelWidth, barHeight, colour)
	if to > from {
		c.line(from, y, to, y, ink)
		c.line(from, y-4, from, y+4, ink)
		c.line(to, y-4, to, y+4, ink)
	}
	value := fmt.Sprintf("%.*f", digits, r.Value)
	if to > from {
		value += fmt.Sprintf(" (%.*f–%.*f)", digits, r.Min, digits, r.Max)
	}
	c.text(max(end, to)+8, y+4.5, "start", ink, "normal", value)
}
