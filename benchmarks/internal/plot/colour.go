package plot

import (
	"fmt"
	"strings"
)

// colour is the name of a class of the drawing's style sheet: it has another value on dark pages.
type colour string

const (
	paper  colour = "paper"
	ink    colour = "ink"
	faint  colour = "faint"
	line   colour = "line"
	normal colour = "normal"
	accent colour = "accent"
)

// stroke is the class for lines.
func (c colour) stroke() string { return "l-" + string(c) }

// palette has the colours on light and on dark paper. They keep apart for people who do not see all
// colours, and the texts have a contrast of 4.5 to 1 at least.
var palette = []struct {
	name        colour
	light, dark string
}{
	{paper, "#ffffff", "#0d1117"},
	{ink, "#1f2933", "#e6edf3"},
	{faint, "#5f6b78", "#9aa5b1"},
	{line, "#d9dee4", "#30363d"},
	{normal, "#8aa4c2", "#4f6f94"},
	{accent, "#c96a10", "#f0a04b"},
	{"s0", "#1f77b4", "#58a6ff"},
	{"s1", "#c96a10", "#f0a04b"},
	{"s2", "#b0305c", "#ff7b9c"},
	{"s3", "#5b3a8c", "#b392f0"},
	{"s4", "#2b7a4b", "#56d364"},
	{"s5", "#7a5c1e", "#d4b36a"},
	{"s6", "#1f7a86", "#5fd3e0"},
	{"s7", "#68717d", "#a8b3bf"},
}

// shades are the colours of series, from the first to the last; the second one is the accent's.
var shades = []colour{"s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7"}

func shade(i int) colour { return shades[i%len(shades)] }

// styles is the style sheet.
func styles() string {
	var light, dark strings.Builder
	for _, c := range palette {
		fmt.Fprintf(&light, ".%s{fill:%s}.%s{stroke:%s}", c.name, c.light, c.name.stroke(), c.light)
		fmt.Fprintf(&dark, ".%s{fill:%s}.%s{stroke:%s}", c.name, c.dark, c.name.stroke(), c.dark)
	}
	return light.String() + "@media(prefers-color-scheme:dark){" + dark.String() + "}"
}
