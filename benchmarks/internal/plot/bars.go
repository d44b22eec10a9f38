package plot

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

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

// digitWidth is what a digit takes in the fonts that are used where no other is asked for.
const digitWidth = 7.5

// SVG draws the chart.
func (b Bars) SVG() string {
	c := newCanvas(b.Title, b.Unit, len(b.Rows))
	longest, room := 0.0, float64(valueWidth)
	for _, r := range b.Rows {
		longest = max(longest, drawable(r.Value), drawable(r.Max))
		room = max(room,
			min(float64(utf8.RuneCountInString(r.text(b.Digits)))*digitWidth+16, width/2))
	}
	scale := 0.0
	if longest > 0 {
		scale = (width - labelWidth - room) / longest
	}
	for i, r := range b.Rows {
		c.bar(i, r, scale, b.Digits)
	}
	return c.done()
}

func (c *canvas) bar(i int, r Bar, scale float64, digits int) {
	col := normal
	if r.Accent {
		col = accent
	}
	y := row(i)
	end := labelWidth + drawable(r.Value)*scale
	from, to := labelWidth+drawable(r.Min)*scale, labelWidth+drawable(r.Max)*scale
	c.label(i, r.Label, r.Accent)
	c.rect(labelWidth, y-barHeight/2, end-labelWidth, barHeight, col)
	if to > from {
		c.line(from, y, to, y, ink)
		c.line(from, y-4, from, y+4, ink)
		c.line(to, y-4, to, y+4, ink)
	}
	c.text(max(end, to)+8, y+4.5, "start", ink, "normal", r.text(digits))
}

// text is the figure with its range.
func (b Bar) text(digits int) string {
	value := number(b.Value, digits)
	if drawable(b.Max) > drawable(b.Min) {
		value += fmt.Sprintf(" (%s–%s)", number(b.Min, digits), number(b.Max, digits))
	}
	return value
}

// number groups the digits of a long number by three, with narrow spaces.
func number(v float64, digits int) string {
	s := fmt.Sprintf("%.*f", digits, v)
	whole, rest := s, ""
	if i := strings.IndexByte(s, '.'); i >= 0 {
		whole, rest = s[:i], s[i:]
	}
	if len(whole) < 5 || strings.ContainsAny(whole, "NI") { // NaN and Inf
		return s
	}
	for i := len(whole) - 3; i > 0 && whole[i-1] != '-'; i -= 3 {
		whole = whole[:i] + "\u202f" + whole[i:]
	}
	return whole + rest
}
