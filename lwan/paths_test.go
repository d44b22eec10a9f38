package lwan

import (
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan/internal/message"
	"github.com/golwan/golwan/router"
)

// TestRouterAndParserCleanAlike: the router and the parser say alike which path is clean, and a
// redirect to a clean path leads to it. All paths of up to five of these parts are tried.
func TestRouterAndParserCleanAlike(t *testing.T) {
	parts := []string{"/", ".", "a", " ", string(router.EncodedSlash)}
	var try func(decoded string, depth int)
	try = func(decoded string, depth int) {
		raw := strings.ReplaceAll(decoded, encodedSlash, "%2F")
		cleaned, clean, err := message.CleanPath(nil, []byte(raw))
		want := router.Clean(decoded)
		if err.Status != 0 || string(cleaned) != want || clean != (want == decoded) {
			t.Errorf("%q: %q, clean %v, %v; the router has %q", raw, cleaned, clean, err, want)
		}
		again, clean, err := message.CleanPath(nil, []byte(router.Escape(want)))
		if err.Status != 0 || string(again) != want || !clean {
			t.Errorf("%q, escaped, is read as %q, clean %v, %v", want, again, clean, err)
		}
		for _, part := range parts {
			if depth < 5 {
				try(decoded+part, depth+1)
			}
		}
	}
	try("/", 0)
}
