package handlers

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var codingElement = regexp.MustCompile(
	`^[ \t]*([^;, \t][^;,]*?)[ \t]*(?:;[ \t]*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*)?$`)

// naiveAcceptsGzip does the same by a regular expression and floats.
func naiveAcceptsGzip(fields string) bool {
	weights := map[string]float64{}
	for _, element := range strings.Split(strings.ReplaceAll(fields, "|", ","), ",") {
		m := codingElement.FindStringSubmatch(element)
		if m == nil {
			continue
		}
		weight := 1.0
		if m[2] != "" {
			weight, _ = strconv.ParseFloat(m[2], 64) // the expression lets nothing else through
		}
		coding := m[1]
		for _, known := range []string{"gzip", "identity"} {
			if strings.EqualFold(coding, known) ||
				strings.EqualFold(coding, "x-"+known) && known == "gzip" {
				coding = known
			}
		}
		if old, ok := weights[coding]; coding != "gzip" || !ok || weight > old {
			weights[coding] = weight
		}
	}
	gzip, ok := weights["gzip"]
	if !ok {
		gzip = weights["*"]
	}
	return gzip > 0 && gzip >= weights["identity"]
}

func FuzzAcceptsGzip(f *testing.F) {
	for _, s := range []string{
		"gzip", "br;q=0.5, gzip ; q=0.500|*;q=0", "x-gzip;Q=1., identity;q=0", "*;q=0.001,,;q=1",
		"gzip;q=1.01;q=0", "gzip ;",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, fields string) {
		if strings.ContainsAny(fields, "\r\n") {
			t.Skip("no field value")
		}
		got, want := acceptsGzip(strings.Split(fields, "|")), naiveAcceptsGzip(fields)
		if got != want {
			t.Errorf("%q: %v, want %v", fields, got, want)
		}
	})
}

var logEscape = regexp.MustCompile(`\\x[0-9A-F]{2}`)

// A value is printable, ends no field, and can be read back.
func FuzzLogValue(f *testing.F) {
	for _, s := range []string{
		"", "curl/8", `a" 200 "b`, "\x00\r\n\x1b[2J", "ä\xff", `\x41`, "\x7f",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		line := string(appendLogValue(nil, value))
		i := strings.IndexFunc(line, func(c rune) bool { return c < ' ' || c > '~' || c == '"' })
		if i >= 0 {
			t.Fatalf("%q has %q", line, line[i:])
		}
		back := logEscape.ReplaceAllStringFunc(line, func(e string) string {
			c, err := strconv.ParseUint(e[2:], 16, 8)
			if err != nil {
				t.Fatal(err)
			}
			return string([]byte{byte(c)})
		})
		if len(value) <= maxLogValue && back != value {
			t.Errorf("%q was written as %q and read as %q", value, line, back)
		}
	})
}

// Escaped text is part of a path and decodes to what it was, with NUL as the slash that it stands
// for.
func FuzzEscapeRest(f *testing.F) {
	for _, s := range []string{
		"", "a/b", "100%", "a?b#c", "a\x00b", "a%2Fb", "%252F", "ä \"\r\n\\", "%2", "@:;,&=+$",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, rest string) {
		escaped := escapeRest([]byte(rest))
		i := strings.IndexFunc(escaped, func(c rune) bool {
			return c <= ' ' || c > '~' || strings.ContainsRune(`?#"<>\`, c)
		})
		if i >= 0 {
			t.Fatalf("%q has %q", escaped, escaped[i:])
		}
		got, err := url.PathUnescape(escaped)
		if want := strings.ReplaceAll(rest, "\x00", "/"); err != nil || got != want {
			t.Errorf("%q was written as %q and read as %q, %v", rest, escaped, got, err)
		}
	})
}
