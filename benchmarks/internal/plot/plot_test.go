package plot

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"
)

func ExampleBars_SVG() {
	svg := Bars{Title: "hello-64", Unit: "CPU µs per request", Digits: 1, Rows: []Bar{
		{Label: "golwan", Value: 7.9, Min: 7.6, Max: 8.8, Accent: true},
		{Label: "nginx", Value: 9.6, Min: 9.1, Max: 10.2},
	}}.SVG()
	fmt.Println(strings.HasPrefix(svg, "<svg "), strings.Contains(svg, "7.9 (7.6–8.8)"))
	// Output: true true
}

// elements parses a drawing and counts its elements by name; it also looks at every position and size.
func elements(t *testing.T, svg string) map[string]int {
	t.Helper()
	count := map[string]int{}
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return count
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
		element, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		count[element.Name.Local]++
		for _, a := range element.Attr {
			checkNumber(t, element.Name.Local, a)
		}
	}
}

func checkNumber(t *testing.T, element string, a xml.Attr) {
	switch a.Name.Local {
	case "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height":
	default:
		return
	}
	v, err := strconv.ParseFloat(a.Value, 64)
	limit := float64(width)
	if strings.Contains(a.Name.Local, "y") || a.Name.Local == "height" {
		limit = 2000
	}
	if err != nil || !(v >= 0 && v <= limit) {
		t.Errorf("<%s %s=%q>", element, a.Name.Local, a.Value)
	}
}

var nasty = []string{"", "<&>\"'", "a\x00b\xff", "]]>", "µ–漢", strings.Repeat("long ", 50)}

func TestBarsAreWellFormed(t *testing.T) {
	for _, label := range nasty {
		for _, v := range []float64{0, 1, 7.25, 1e12, -1, math.NaN(), math.Inf(1)} {
			got := elements(t, Bars{Title: label, Unit: label, Rows: []Bar{
				{Label: label, Value: v, Min: v, Max: v}, {Label: label, Value: 3, Min: 2, Max: 4, Accent: true}}}.SVG())
			if got["svg"] != 1 || got["text"] != 6 || got["rect"] != 3 || got["line"] != 3 {
				t.Errorf("%q %v: %v", label, v, got)
			}
		}
	}
	if got := elements(t, Bars{}.SVG()); got["rect"] != 1 {
		t.Errorf("empty: %v", got)
	}
}

func TestPointsAreWellFormed(t *testing.T) {
	for _, label := range nasty {
		for _, v := range []float64{0, 1, 7.25, 1e9, 1e-3, -1, math.NaN(), math.Inf(1)} {
			got := elements(t, Points{Title: label, Unit: label, Series: []string{label, "p99"}, Rows: []Point{
				{Label: label, Values: []float64{v, 0}}, {Label: label, Values: []float64{50, 7000}, Accent: true}}}.SVG())
			dots := 2 + 2 // two in the legend
			if drawable(v) > 0 {
				dots++
			}
			if got["circle"] != dots {
				t.Errorf("%q %v: %v", label, v, got)
			}
		}
	}
	elements(t, Points{}.SVG())
}

func TestLogScale(t *testing.T) {
	s := newLogScale([]Point{{Values: []float64{20, 0, math.NaN()}}, {Values: []float64{3000}}})
	if s != (logScale{1, 4}) || len(s.decades()) != 4 {
		t.Errorf("%+v, %v", s, s.decades())
	}
	if a, b, c := s.at(10), s.at(100), s.at(1000); math.Abs((b-a)-(c-b)) > 1e-9 || a >= b {
		t.Errorf("decades at %v, %v, %v", a, b, c)
	}
	if s := newLogScale([]Point{{Values: []float64{100}}}); s != (logScale{2, 3}) {
		t.Errorf("one value: %+v", s)
	}
}

func FuzzBars(f *testing.F) {
	f.Add("golwan", 7.9, 7.6, 8.8)
	f.Add("<", math.Inf(-1), 0.0, 1e300)
	f.Fuzz(func(t *testing.T, label string, value, low, high float64) {
		elements(t, Bars{Title: label, Unit: label, Rows: []Bar{{Label: label, Value: value, Min: low, Max: high}}}.SVG())
	})
}
