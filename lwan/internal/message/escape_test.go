package message

import (
	"net/url"
	"testing"
)

// What is escaped reads as what it was, and as a part of a URI.
func TestEscapeReference(t *testing.T) {
	for s, want := range map[string]string{
		"":               "",
		"/a/b?c=d#e":     "/a/b?c=d#e",
		"/a%20b":         "/a%20b",
		"/a b\\c":        "/a%20b%5Cc",
		"/<\">^`{|}\x7f": "/%3C%22%3E%5E%60%7B%7C%7D%7F",
		"/\u00e4\r\n":    "/%C3%A4%0D%0A",
		"https://[::1]/": "https://[::1]/",
	} {
		if got := EscapeReference(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
	for c := range 256 {
		escaped := EscapeReference("/a" + string([]byte{byte(c)}))
		u, err := url.Parse(escaped)
		kept := c == '?' || c == '#' || c == '%'
		if !kept && (err != nil || u.Path != "/a"+string([]byte{byte(c)})) {
			t.Errorf("%#x: %q, %v", c, escaped, err)
		}
	}
}
