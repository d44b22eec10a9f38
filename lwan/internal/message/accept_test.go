package message

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestAccepts(t *testing.T) {
	const plain, page, data = "text/plain", "text/html", "application/json"
	tests := []struct{ accept, want string }{
		{"", plain}, // absent: everything (RFC 9110 section 12.5.1)
		{" , ", plain},
		{"*/*", plain},
		{"text/html", page},
		{"TEXT/HTML", page},
		{"application/json", data},
		{"application/*", data},
		{"text/*", plain},
		{"image/png", ""},
		{"text/html;q=0", ""},
		{"*/*;q=0", ""},

		// browsers and clients in use
		{"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
			page},
		{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", page},
		{"application/json, text/plain, */*", data},
		{"image/avif,image/webp,image/svg+xml,image/*,*/*;q=0.8", plain},
		{"text/css,*/*;q=0.1", plain},
		{"application/json, text/javascript, */*; q=0.01", data},

		// weights
		{"text/plain;q=0.5, text/html;q=0.7", page},
		{"text/plain;q=0.500, text/html;q=0.5", plain},
		{"text/html; q=0.8 , application/json;Q=0.9", data},
		{"text/plain;q=0.001, text/html;q=0.002", page},
		{"text/*;q=0.3, text/html;q=0.7, text/plain;q=0.2, */*;q=0.5", page},
		{"text/*, text/plain;q=0, text/html;q=0", ""}, // the most precise range decides
		{"*/*, text/plain;q=0", page},
		{"*/*, text/*;q=0", data},
		{"text/plain;q=0, */*;q=0.1", page},

		// equal weights: the more precise, then the earlier
		{"*/*, text/html", page},
		{"text/*, application/json", data},
		{"application/json, text/html", data},
		{"text/html, application/json", page},

		// parameters
		{"text/html;charset=utf-8", page},
		{"text/html;level=1;q=0.3, text/html;q=0.7, text/plain;q=0.5", page},
		{"text/html;q=0.1, text/html;level=1, text/plain;q=0.5", plain},
		{`text/html;a="x,text/plain;q=1", application/json;q=0.5`, page},
		{`text/html;a="\",\\";q=0.1, text/plain;q=0.2`, plain},
		{"text/html;q=0.9;ext=1, text/plain;q=0.5", page},
		{"text/html;q=0.9;q=0.1, text/plain;q=0.5", page},
		{"text/html;level=1;q=0.1, text/html;q=0.5;ext=1, text/plain;q=0.3", page},

		// what is malformed is left out
		{"text/html;q=2, text/plain;q=0.1", plain},
		{"text/html;q=1.001, text/plain;q=0.1", plain},
		{"text/html;q=0.1234, text/plain;q=0.1", plain},
		{"text/html;q=, text/plain;q=0.1", plain},
		{"text/html;q=.9, text/plain;q=0.1", plain},
		{"text/html;q=0,9, text/plain;q=0.1", plain},
		{"text/html;q=-1, text/plain;q=0.1", plain},
		{"text/html;q, text/plain;q=0.1", plain},
		{"*/html, text/plain;q=0.1", plain},
		{"text, html/, /, text/plain;q=0.1", plain},
		{"text/h tml, text/plain;q=0.1", plain},
		{"html", ""},
		{`text/html;a="`, page},
	}
	for _, tt := range tests {
		if got := Accepts([]byte(tt.accept), plain, page, data); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.accept, got, tt.want)
		}
	}
}

func TestAcceptsLong(t *testing.T) {
	filler := strings.Repeat("a/b,", maxAccept/4-3)
	for header, want := range map[string]string{
		filler + "text/html,":                                "text/html",
		filler + "a/b,text/html":                             "",
		strings.Repeat("x", maxAccept+1) + ",text/html":      "text/plain", // as if there were none
		strings.Repeat(" ", maxAccept-2) + "a/b,text/html,,": "text/plain",
	} {
		if got := Accepts([]byte(header), "text/plain", "text/html"); got != want {
			t.Errorf("%d bytes: %q, want %q", len(header), got, want)
		}
	}
}

// The weights of the example in RFC 9110 section 12.5.1.
func TestAcceptsExample(t *testing.T) {
	header := []byte("text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, " +
		"text/plain;format=fixed;q=0.4, */*;q=0.5")
	for offer, want := range map[string]int{
		"text/plain": 700, "text/html": 300, "image/jpeg": 500,
	} {
		if got := wishFor(header, offer); got.weight != want {
			t.Errorf("%s: %d, want %d", offer, got.weight, want)
		}
	}
}

func TestParseWeight(t *testing.T) {
	for text, want := range map[string]int{
		"0": 0, "1": 1000, "0.": 0, "1.": 1000, "0.5": 500, "0.05": 50, "0.999": 999, "1.000": 1000,
		"": -1, "2": -1, "1.1": -1, "1.001": -1, "0.0000": -1, "0.-1": -1, "00": -1, "0,5": -1,
		"a": -1, " 1": -1,
	} {
		got, ok := ParseWeight([]byte(text))
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

func TestAcceptsAllocations(t *testing.T) {
	header := []byte("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
	n := testing.AllocsPerRun(100, func() {
		Accepts(header, "text/plain", "text/html", "application/json")
	})
	if n != 0 {
		t.Errorf("Accepts allocates %v times", n)
	}
}

// slowAccepts is Accepts again, written for clarity, for headers without quoted strings.
func slowAccepts(header string, offers []string) string {
	type choice struct {
		offer     string
		weight    int64
		precision int
		at        int
	}
	var choices []choice
	if strings.Trim(header, " \t,") == "" {
		return offers[0]
	}
	for _, offer := range offers {
		best := choice{offer: offer}
		at := 0
		for element := range strings.SplitSeq(header, ",") {
			media, params, _ := strings.Cut(element, ";")
			media = strings.ToLower(strings.Trim(media, " \t"))
			typ, sub, _ := strings.Cut(media, "/")
			if !isTokenSlow(typ) || !isTokenSlow(sub) || typ == "*" && sub != "*" {
				continue
			}
			weight, extra, valid := slowWeight(params)
			if !valid {
				continue
			}
			precision := slices.Index([]string{"", "*/*",
				offer[:strings.Index(offer, "/")] + "/*", "", offer}, media)
			if precision == 4 && extra {
				precision = 3
			}
			if precision > best.precision {
				best = choice{offer, weight, precision, at}
			}
			at++
		}
		if best.weight > 0 {
			choices = append(choices, best)
		}
	}
	slices.SortStableFunc(choices, func(a, b choice) int {
		switch {
		case a.weight != b.weight:
			return int(b.weight - a.weight)
		case a.precision != b.precision:
			return b.precision - a.precision
		}
		return a.at - b.at
	})
	if len(choices) == 0 {
		return ""
	}
	return choices[0].offer
}

// slowWeight reads the parameters of an element; extra: there are some before the weight.
func slowWeight(params string) (weight int64, extra, valid bool) {
	for param := range strings.SplitSeq(params, ";") {
		param = strings.Trim(param, " \t")
		name, value, _ := strings.Cut(param, "=")
		if strings.EqualFold(name, "q") {
			if len(value) == 0 || len(value) > 5 || len(value) > 1 && value[1] != '.' ||
				strings.Trim(value, "0123456789.") != "" {
				return 0, extra, false
			}
			f, err := strconv.ParseFloat(value, 64)
			return int64(f*1000 + 0.5), extra, err == nil && f <= 1
		}
		extra = extra || param != ""
	}
	return 1000, extra, true
}

func isTokenSlow(s string) bool {
	return s != "" &&
		strings.Trim(s, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") == "" &&
		!strings.ContainsAny(s, "\"(),/:;<=>?@[\\]{} \t")
}

func FuzzAccepts(f *testing.F) {
	for _, seed := range []string{
		"", "*/*", "text/html,*/*;q=0.8", "text/*;q=0.3, text/plain;q=0.7;x, */*;q=0",
		"text/html;a=1;q=1.0,TEXT/PLAIN;Q=0.999", "text/html;q=0.1234,;,/,a",
		`text/html;a="x,y\"";q=0.1, text/plain`, "application/json;q=1.,text/plain;q=0.",
	} {
		f.Add(seed)
	}
	offers := []string{"text/plain", "text/html", "application/json"}
	f.Fuzz(func(t *testing.T, header string) {
		if len(header) > maxAccept {
			return
		}
		got := Accepts([]byte(header), offers...)
		if got != "" && !slices.Contains(offers, got) {
			t.Fatalf("%q: %q is no offer", header, got)
		}
		if strings.Contains(header, `"`) {
			return
		}
		if want := slowAccepts(header, offers); got != want {
			t.Fatalf("%q: %q, want %q", header, got, want)
		}
	})
}

func BenchmarkAccepts(b *testing.B) {
	header := []byte("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif," +
		"image/webp,*/*;q=0.8")
	b.ReportAllocs()
	for b.Loop() {
		Accepts(header, "text/plain", "text/html", "application/json")
	}
}
