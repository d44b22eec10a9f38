package handlers

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

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
