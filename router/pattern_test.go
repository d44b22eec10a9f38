package router

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		text, method, host string
		segments           []segment
	}{
		{"/", "", "", []segment{{tail, ""}}},
		{"/{$}", "", "", []segment{{slashEnd, ""}}},
		{"/{x}", "", "", []segment{{wildcard, "x"}}},
		{"/{x...}", "", "", []segment{{tail, "x"}}},
		{"GET /a", "GET", "", []segment{{literal, "a"}}},
		{"GET \t /a/", "GET", "", []segment{{literal, "a"}, {tail, ""}}},
		{" /a", "", "", []segment{{literal, "a"}}},
		{"M-SEARCH h/a/{b}/{$}", "M-SEARCH", "h",
			[]segment{{literal, "a"}, {wildcard, "b"}, {slashEnd, ""}}},
		{"Example.COM:80/a", "", "example.com:80", []segment{{literal, "a"}}},
		{"[::1]/a", "", "::1", []segment{{literal, "a"}}},
		{"/%61%2Fb/é", "", "", []segment{{literal, "a\x00b"}, {literal, "é"}}},
		// an invalid escape: the text stands for itself
		{"/%2G%61", "", "", []segment{{literal, "%2G%61"}}},
		{"/a?b#c", "", "", []segment{{literal, "a?b#c"}}},
		// for CONNECT
		{"//a/../", "", "", []segment{{literal, ""}, {literal, "a"}, {literal, ".."}, {tail, ""}}},
		{"CONNECT /../a", "CONNECT", "", []segment{{literal, ".."}, {literal, "a"}}},
		{"/{_1}/{ß...}", "", "", []segment{{wildcard, "_1"}, {tail, "ß"}}},
	} {
		p, err := parse(c.text, "")
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		if p.method != c.method || p.host != c.host || !slices.Equal(p.segments, c.segments) {
			t.Errorf("%q: %q %q %v, want %q %q %v",
				c.text, p.method, p.host, p.segments, c.method, c.host, c.segments)
		}
	}
}

func TestParseFaults(t *testing.T) {
	for _, c := range []struct {
		text   string
		offset int
		reason string // part of it
	}{
		{"", 0, "empty"},
		{"a", 0, "slash is missing"},
		{"GET  h", 5, "slash is missing"},
		{"G(T /", 0, "token"},
		{"GÉT /", 0, "token"},
		{"GET h{x}/a", 5, "wildcard"},
		{"{x}/a", 0, "wildcard"},
		{"/a{x}", 1, "whole segment"},
		{"/a/{x}b", 3, "whole segment"},
		{"/{", 1, "whole segment"},
		{"/{}", 1, "identifier"},
		{"/{...}", 1, "identifier"},
		{"/a/{1x}", 3, "identifier"},
		{"/{a-b}", 1, "identifier"},
		{"/{a}/{a}", 5, "used twice"},
		{"/{a}/{a...}", 5, "used twice"},
		{"/{a...}/b", 1, "at the end"},
		{"/{a...}/", 1, "at the end"},
		{"/{$}/", 1, "at the end"},
		{"GET //a", 4, "cleaned"},
		{"GET /a/./b", 4, "cleaned"},
		{"GET /a//", 4, "cleaned"},
		{"GET /..", 4, "cleaned"},
	} {
		_, err := parse(c.text, "f.go:1")
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		if syntax.Offset != c.offset || !strings.Contains(syntax.Reason, c.reason) ||
			syntax.Pattern != c.text || syntax.Source != "f.go:1" {
			t.Errorf("%q: %+v, want offset %d and a reason with %q",
				c.text, syntax, c.offset, c.reason)
		}
		if newOracle().add(c.text) == "" {
			t.Errorf("ServeMux accepts %q", c.text)
		}
	}
}
