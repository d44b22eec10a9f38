package handlers

import (
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
