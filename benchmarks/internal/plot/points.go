package plot

import (
	"math"
	"strconv"
)

// Points is a chart with several durations in a row, in microseconds, on a logarithmic scale.
type Points struct {
	Title  string
	Unit   string
	Series []string // names of the figures, at most as many as there are shades
	Rows   []Point
}

// Point is a row: a figure for each of the series, 0 for none.
type Point struct {
	Label  string
	Values []float64
	Accent bool
}

// legendWidth is the room for the name of a series.
const legendWidth = 90

// SVG draws the chart.
func (p Points) SVG() string {
	c := newCanvas(p.Title, p.Unit, len(p.Rows)+1)
	scale := newLogScale(p.Rows)
	for _, decade := range scale.decades() {
		x := scale.at(decade)
		end := row(len(p.Rows))
		c.line(x, headHeight-4, x, end-rowHeight/2+4, line)
		c.text(x, end+4, "middle", faint, "normal", duration(decade))
	}
	for i, name := range p.Series {
		x := width - legendWidth*float64(len(p.Series)-i)
		c.dot(x, 20, 4, shade(i))
		c.text(x+10, 24, "start", ink, "normal", name)
	}
	for i, r := range p.Rows {
		c.points(i, r, scale)
	}
	return c.done()
}

func (c *canvas) points(i int, r Point, scale logScale) {
	c.label(i, r.Label, r.Accent)
	first, last := math.Inf(1), math.Inf(-1)
	for _, v := range r.Values {
		if v = drawable(v); v > 0 {
			first, last = min(first, scale.at(v)), max(last, scale.at(v))
		}
	}
	if last > first {
		c.line(first, row(i), last, row(i), faint)
	}
	for n, v := range r.Values {
		if v = drawable(v); v > 0 {
			c.dot(scale.at(v), row(i), 5, shade(n))
		}
	}
}

// logScale maps values to positions; it covers whole powers of ten.
type logScale struct {
	low, high float64 // exponents of ten
}

func newLogScale(rows []Point) logScale {
	var all []float64
	for _, r := range rows {
		all = append(all, r.Values...)
	}
	return logScaleOf(all)
}

// logScaleOf ignores what has no logarithm.
func logScaleOf(values []float64) logScale {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if v = drawable(v); v > 0 {
			low, high = min(low, math.Log10(v)), max(high, math.Log10(v))
		}
	}
	if low > high {
		return logScale{0, 1}
	}
	s := logScale{math.Floor(low), math.Ceil(high)}
	if s.low == s.high {
		s.high++
	}
	return s
}

func (s logScale) at(v float64) float64 {
	const space = width - labelWidth - valueWidth
	return labelWidth + 10 + s.part(v)*space
}

// part is 0 at the low end of the scale and 1 at the high one.
func (s logScale) part(v float64) float64 { return (math.Log10(v) - s.low) / (s.high - s.low) }

func (s logScale) decades() []float64 {
	var all []float64
	for e := s.low; e <= s.high; e++ {
		all = append(all, math.Pow(10, e))
	}
	return all
}

// duration is microseconds in the unit in which they have the fewest digits.
func duration(micros float64) string {
	unit := " µs"
	switch {
	case micros >= 1e6:
		micros, unit = micros/1e6, " s"
	case micros >= 1e3:
		micros, unit = micros/1e3, " ms"
	}
	return strconv.FormatFloat(micros, 'f', -1, 64) + unit
}
