package template

import (
	"errors"
	"fmt"
	"html"
	"math"
	"strings"
	"testing"
	"time"
)

type cents int64

type formatData struct {
	When  time.Time
	Later *time.Time
	N     int
	U     uint8
	F     float64
	Paid  cents
	Name  string
	Any   any
	List  []int
	Money func() cents
}

var errFormat = errors.New("cannot be shown")

// formatSet has formats of each form.
func formatSet() Set {
	f := English()
	f["price"] = func(c int64) string { return fmt.Sprintf("%d.%02d", c/100, c%100) }
	f["tag"] = func(v any, arg string) string { return fmt.Sprintf("<%v %s>", v, arg) }
	f["fails"] = func(string) (string, error) { return "", errFormat }
	f["none"] = func() string { return "" }
	f["pointer"] = func(*int) string { return "" }
	f["many"] = func(int, ...string) string { return "" }
	f["bytesOut"] = func(int) []byte { return nil }
	f["text"] = "text"
	return Set{Formats: f}
}

func TestFormats(t *testing.T) {
	when := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	data := formatData{
		When: when, N: -1234567, U: 200, F: 1234.5, Paid: 1999, Name: "a&b", Any: 1,
		Money: func() cents { return 5 },
	}
	for source, want := range map[string]string{
		"{{When | date}}":                 "2 January 2026",
		"{{When | date Mon, 2 Jan | 06}}": "Fri, 2 Jan | 26",
		"{{When | time}}":                 "03:04",
		"{{ When  |  time  15.04 }}":      "03.04",
		"{{Later | date}}":                "",
		"{{N | number}}":                  "-1,234,567",
		"{{N | number 2}}":                "-1,234,567.00",
		"{{U | number 1}}":                "200.0",
		"{{F | number}}":                  "1,234.5",
		"{{F | number 0}}":                "1,234",
		"{{Paid | price}}":                "19.99",
		"{{Money | price}}":               "0.05",
		"{{Any | plural day days}}":       "1 day",
		"{{N | plural day days}}":         "-1,234,567 days",
		"{{Name | tag x y}}":              "&lt;a&amp;b x y&gt;",
		"{{{Name | tag}}}":                "<a&b >",
		"{{&Name | tag}}":                 "<a&b >",
		"{{#When}}{{. | date}}{{/When}}":  "2 January 2026",
	} {
		page, err := Compile[formatData]("page", source, formatSet())
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		var b strings.Builder
		if err := page.Render(&b, data); err != nil || b.String() != want {
			t.Errorf("%s: %q, %v; want %q", source, b.String(), err, want)
		}
	}
}

// TestFormatsRefused: what can be known is refused when the template is compiled.
func TestFormatsRefused(t *testing.T) {
	for source, want := range map[string]string{
		"\n{{When | dat}}":       `page:2: {{When | dat}}: no format "dat"; did you mean "date"?`,
		"{{Name | date}}":        "a string cannot be given to a format of a time.Time",
		"{{Paid | price 2}}":     "takes nothing but the value",
		"{{N | none}}":           "is not of the form",
		"{{N | many}}":           "is not of the form",
		"{{N | bytesOut}}":       "is not of the form",
		"{{N | text}}":           "is not of the form",
		"{{N | pointer}}":        "takes a pointer",
		"{{Nope | date}}":        `no "Nope"`,
		"{{N | }}":               "a name has no blanks",
		"{{#N | number}}x{{/N}}": "a name has no blanks",
		"{{> part | number}}":    "a name has no blanks",
		"{{N number}}":           "a name has no blanks",
		"{{List | price}}":       "a []int cannot be given to a format of a int64",
	} {
		_, err := Compile[formatData]("page", source, formatSet())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", source, err, want)
		}
	}
}

// TestFormatsFail: the rest is an error of Render that names the tag.
func TestFormatsFail(t *testing.T) {
	for source, want := range map[string]string{
		"{{Name | fails}}":     errFormat.Error(),
		"{{Name | number}}":    "it is no number",
		"{{N | plural entry}}": "two forms",
		"{{N | number x}}":     "no number of digits",
		"{{Any | date}}":       "a int cannot be given",
	} {
		page, err := Compile[formatData]("page", source, formatSet())
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		var b strings.Builder
		err = page.Render(&b, formatData{Name: "x", Any: 1})
		if err == nil || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), "page:1: "+source) {
			t.Errorf("%s: %v, want %q", source, err, want)
		}
	}
}

func TestNumbers(t *testing.T) {
	german := NumberFormat(".", ",")
	for _, tt := range []struct {
		v      any
		digits string
		want   string
	}{
		{0, "", "0"}, {999, "", "999"}, {1000, "", "1.000"}, {-999999, "", "-999.999"},
		{uint64(math.MaxUint64), "", "18.446.744.073.709.551.615"}, {1e6, "", "1.000.000"},
		{0.1, "", "0,1"}, {float32(0.1), "", "0,1"}, {1.005, "2", "1,00"}, {-0.5, "1", "-0,5"},
		{math.Inf(-1), "", "-Inf"}, {math.NaN(), "2", "NaN"},
	} {
		if got, err := german(tt.v, tt.digits); got != tt.want || err != nil {
			t.Errorf("%v: %q, %v; want %q", tt.v, got, err, tt.want)
		}
	}
	size := English()["bytes"].(func(any) (string, error))
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 kB", 9949: "9.9 kB", 9950: "10 kB", 999499: "999 kB",
		999500: "1.0 MB", -1500: "-1.5 kB", math.MaxInt64: "9.2 EB",
	} {
		if got, err := size(n); got != want || err != nil {
			t.Errorf("%d bytes: %q, %v; want %q", n, got, err, want)
		}
	}
}

// FuzzFormat: a tag with a bar never panics, and what a format prints is escaped.
func FuzzFormat(f *testing.F) {
	f.Add("Name | tag x", "v")
	f.Add("N | number 2", "")
	f.Add("Name|tag", "<")
	f.Fuzz(func(t *testing.T, tag, name string) {
		if strings.ContainsAny(tag, "{}&=#^/>!") {
			return // other tags
		}
		page, err := Compile[formatData]("page", "{{"+tag+"}}", formatSet())
		if err != nil {
			return
		}
		var b strings.Builder
		if page.Render(&b, formatData{Name: name}) != nil {
			return
		}
		if plain := html.UnescapeString(b.String()); strings.Contains(b.String(), "<") &&
			strings.Contains(plain, "<") {
			t.Fatalf("{{%s}} of %q: %q", tag, name, b.String())
		}
	})
}
