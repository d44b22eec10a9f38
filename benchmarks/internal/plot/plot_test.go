package plot

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

func ExampleBars_SVG() {
	svg := Bars{Title: "hello-64", Unit: "CPU µs per request", Digits: 1, Rows: []Bar{
		{Label: "golwan", Value: 7.9, Min: 7.6, Max: 8.8, Accent: true},
		{Label: "nginx", Value: 9.6, Min: 9.1, Max: 10.2},
	}}.SVG()
	fmt.Println(strings.HasPrefix(svg, "<svg "), strings.Contains(svg, "7.9 (7.6–8.8)"))
	// Output: true true
}

// elements parses a drawing and counts its elements by name; it also looks at every position and
// size.
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
				{Label: label, Value: v, Min: v, Max: v},
				{Label: label, Value: 3, Min: 2, Max: 4, Accent: true}}}.SVG())
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
			got := elements(t,
				Points{Title: label, Unit: label, Series: []string{label, "p99"}, Rows: []Point{
					{Label: label, Values: []float64{v, 0}},
					{Label: label, Values: []float64{50, 7000}, Accent: true}}}.SVG())
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

func TestCurvesAreWellFormed(t *testing.T) {
	for _, label := range nasty {
		for _, v := range []float64{0, 1, 7.25, 1e9, 1e-3, -1, math.NaN(), math.Inf(1)} {
			got := elements(t,
				Curves{Title: label, Unit: label, Steps: []string{"p50", label}, Rows: []Curve{
					{Label: label, Values: []float64{v, 0}},
					{
						Label: label, Values: []float64{50, 7000, 9}, Min: []float64{40, v},
						Max: []float64{60, 8000}, Accent: true,
					}}}.SVG())
			dots := 2
			if drawable(v) > 0 {
				dots++
			}
			if got["circle"] != dots || got["polyline"] != 2 {
				t.Errorf("%q %v: %v", label, v, got)
			}
		}
	}
	elements(t, Curves{}.SVG())
}

// TestNamesOfCurvesDoNotCover has many lines that end at the same place, and fewer than there is
// room for.
func TestNamesOfCurvesDoNotCover(t *testing.T) {
	for _, n := range []int{1, 2, 13, 40} {
		for _, end := range []float64{1, 1000, 1e6} {
			c := Curves{Steps: []string{"p50", "max"}}
			for i := range n {
				c.Rows = append(c.Rows, Curve{
					Label: fmt.Sprint("name", i), Values: []float64{1, end},
				})
			}
			c.Rows = append(c.Rows, Curve{Label: "name", Values: []float64{1, 1e6}})
			var at []float64
			label := regexp.MustCompile(`y="([0-9.]+)"[^>]*>name`)
			for _, match := range label.FindAllStringSubmatch(c.SVG(), -1) {
				y, err := strconv.ParseFloat(match[1], 64)
				if err != nil {
					t.Fatal(err)
				}
				at = append(at, y)
			}
			slices.Sort(at)
			if len(at) != n+1 || at[0] < headHeight {
				t.Fatalf("%d names at %v", n, at)
			}
			for i := 1; i < len(at); i++ {
				if at[i]-at[i-1] < nameHeight-0.2 {
					t.Errorf("%d names, %v: at %v", n, end, at)
				}
			}
		}
	}
}

// TestFiguresFit has long ones beside the longest bar.
func TestFiguresFit(t *testing.T) {
	svg := Bars{
		Digits: 2,
		Rows:   []Bar{{Value: 1234567, Min: 1100000, Max: 1345678}, {Value: 1, Min: 1, Max: 2}},
	}.SVG()
	found := regexp.MustCompile(`x="([0-9.]+)"[^>]*>([0-9][^<]*)<`).FindAllStringSubmatch(svg, -1)
	if len(found) != 2 {
		t.Fatalf("%q in\n%s", found, svg)
	}
	for _, match := range found {
		x, err := strconv.ParseFloat(match[1], 64)
		end := x + digitWidth*float64(utf8.RuneCountInString(match[2]))
		if err != nil || end > width {
			t.Errorf("%s ends at %.0f", match[2], end)
		}
	}
}

func TestDuration(t *testing.T) {
	for micros, want := range map[float64]string{
		0.1: "0.1 µs", 1: "1 µs", 100: "100 µs", 1000: "1 ms", 1e5: "100 ms", 1e6: "1 s",
		1e8: "100 s",
	} {
		if got := duration(micros); got != want {
			t.Errorf("%v: %s, want %s", micros, got, want)
		}
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		1: "1.0", 1234.56: "1234.6", 12345: "12\u202f345.0",
		1234567.8: "1\u202f234\u202f567.8", -12345: "-12\u202f345.0",
		-123456: "-123\u202f456.0", math.Inf(1): "+Inf",
	} {
		if got := number(v, 1); got != want {
			t.Errorf("%v: %q, want %q", v, got, want)
		}
	}
}

// TestColours holds what is drawn against the style sheet, and texts against their paper: a
// contrast of 4.5 to 1 (WCAG 2.2, section 1.4.3).
func TestColours(t *testing.T) {
	svg := Curves{
		Title: "x", Steps: []string{"p50", "max"},
		Rows: []Curve{{Label: "a", Values: []float64{1, 2}},
			{Label: "b", Values: []float64{1, 3}, Accent: true}},
	}.SVG() +
		Bars{Rows: []Bar{{Value: 1, Max: 2}}}.SVG() +
		Points{
			Series: []string{"a", "b", "c", "d"}, Rows: []Point{{Values: []float64{1, 2, 3, 4}}},
		}.SVG()
	class := regexp.MustCompile(`class="([a-z0-9-]+)"`)
	for _, match := range class.FindAllStringSubmatch(svg, -1) {
		if strings.Count(styles(), "."+match[1]+"{") != 2 {
			t.Errorf("%s has no style, or no other one in the dark", match[1])
		}
	}
	for _, c := range palette {
		if c.name == paper || c.name == line || c.name == normal {
			continue // no text has these
		}
		if light, dark := contrast(t, c.light, palette[0].light),
			contrast(t, c.dark, palette[0].dark); c.name != accent && c.name != "s1" &&
			(light < 4.5 || dark < 4.5) ||
			// the accent's texts are bold lines' names and have their line beside them
			light < 3 || dark < 3 {
			t.Errorf("%s: %.1f on light paper, %.1f on dark", c.name, light, dark)
		}
	}
}

// contrast is as WCAG 2.2 has it.
func contrast(t *testing.T, a, b string) float64 {
	la, lb := luminance(t, a), luminance(t, b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func luminance(t *testing.T, rgb string) float64 {
	n, err := strconv.ParseUint(rgb[1:], 16, 32)
	if err != nil || len(rgb) != 7 {
		t.Fatal(rgb, err)
	}
	sum := 0.0
	for i, weight := range []float64{0.0722, 0.7152, 0.2126} {
		v := float64(n>>(8*i)&0xff) / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		sum += weight * v
	}
	return sum
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
		elements(t,
			Bars{
				Title: label, Unit: label,
				Rows: []Bar{{Label: label, Value: value, Min: low, Max: high}},
			}.SVG())
	})
}
