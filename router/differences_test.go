package router

import (
	"strings"
	"testing"
)

// differences are the places where a Table answers otherwise than ServeMux, on purpose. Both
// answers are checked, so that a change in net/http is noticed.
var differences = []struct {
	name, why string
	pattern   string
	request   probe
	ours      answer
	theirs    answer
}{
	{
		"host case",
		"hosts are case-insensitive (RFC 9110, section 4.2.3); ServeMux compares bytes",
		"Example.com/", probe{"GET", "example.COM", "/"},
		answer{status: 200, pattern: "Example.com/"}, answer{status: 404},
	},
	{
		"IPv6 brackets", "the brackets are syntax around the address (RFC 3986, section 3.2.2); " +
			"ServeMux drops them only together with a port, so no one pattern matches both forms",
		"[::1]/", probe{"GET", "[::1]:8080", "/"},
		answer{status: 200, pattern: "[::1]/"}, answer{status: 404},
	},
	{
		"encoded slash is no slash", "ServeMux decodes %2F to the very text that stands for {$}",
		"/a/%2F", probe{"GET", "h", "/a/"},
		answer{status: 404}, answer{status: 200, pattern: "/a/%2F"},
	},
	{
		"encoded slash is a segment", "the same text keeps a wildcard from matching it",
		"/a/{x}", probe{"GET", "h", "/a/%2F"},
		answer{status: 200, pattern: "/a/{x}", values: `x="/" `}, answer{status: 404},
	},
	{
		"empty literal", "ServeMux takes an empty segment of a pattern for a wildcard",
		"/a//b", probe{"GET", "h", "/a/x/b"},
		answer{status: 404}, answer{status: 200, pattern: "/a//b"},
	},
	{
		"encoded dots", "an encoded dot is a dot (RFC 3986, section 6.2.2.2), so it is cleaned " +
			"away like one; ServeMux hands \"..\" to the handler",
		"/{x}/{y}/b", probe{"GET", "h", "/a/%2e%2E/b"},
		answer{status: 307, location: "/b?q=1"},
		answer{status: 200, pattern: "/{x}/{y}/b", values: `x="a" y=".." `},
	},
	{
		"dots at the end name a directory", "the slash before them stays: RFC 3986, section 5.2.4",
		"/a/{x...}", probe{"GET", "h", "/a/b/."},
		answer{status: 307, location: "/a/b/?q=1"}, answer{status: 307, location: "/a/b?q=1"},
	},
	{
		"cleaned path is escaped once", "ServeMux escapes the escaped path again",
		"/a%20b/c", probe{"GET", "h", "/a%20b//c"},
		answer{status: 307, location: "/a%20b/c?q=1"},
		answer{status: 307, location: "/a%2520b/c?q=1"},
	},
	{
		"redirect keeps an encoded slash", "ServeMux redirects to another resource",
		"/{x}/", probe{"GET", "h", "/a%2Fb"},
		answer{status: 307, location: "/a%2Fb/?q=1"}, answer{status: 307, location: "/a/b/?q=1"},
	},
	{
		"CONNECT is redirected as sent",
		"the path of CONNECT is not cleaned for the match, so neither is it here",
		"/x/../y/", probe{"CONNECT", "h", "/x/../y"},
		answer{status: 307, location: "/x/../y/?q=1"}, answer{status: 307, location: "/y/?q=1"},
	},
	{
		"sub-delims stay",
		"a path may hold them as they are (RFC 3986, section 3.3); ServeMux escapes some",
		"/{x}/", probe{"GET", "h", "/it's(1)!*"},
		answer{status: 307, location: "/it's(1)!*/?q=1"},
		answer{status: 307, location: "/it%27s%281%29%21%2A/?q=1"},
	},
}

func TestDifferences(t *testing.T) {
	for _, d := range differences {
		t.Run(d.name, func(t *testing.T) {
			if got := serve(tableOf(t, d.pattern), d.request); got != d.ours {
				t.Errorf("ours: %+v, want %+v (%s)", got, d.ours, d.why)
			}
			if got := oracleOf(t, d.pattern).serve(t, d.request); got != d.theirs {
				t.Errorf("ServeMux: %+v, want %+v", got, d.theirs)
			}
		})
	}
}

// TestEmptySegmentOfConnect: a wildcard takes an empty segment, which only CONNECT can have.
// ServeMux loses count of its wildcards then, and Request.PathValue panics.
func TestEmptySegmentOfConnect(t *testing.T) {
	q := probe{"CONNECT", "h", "/a//b"}
	want := answer{status: 200, pattern: "/a/{x}/b", values: `x="" `}
	if got := serve(tableOf(t, "/a/{x}/b"), q); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	defer func() {
		if recover() == nil {
			t.Error("ServeMux no longer panics: the difference is gone")
		}
	}()
	oracleOf(t, "/a/{x}/b").serve(t, q)
}

// refused are patterns that ServeMux takes, although no request can match them.
var refused = []struct{ pattern, why string }{
	{"GET /a/%2e%2E/b", "encoded dots are dots, and requests are cleaned of them"},
	{"GET /%2E", "the same"},
	{"/a\x00b", "no request can hold a NUL"},
	{"/%00", "the same"},
	{strings.Repeat("h", maxHost+1) + "/", "no host is that long"},
}

func TestRefused(t *testing.T) {
	for _, r := range refused {
		if builds(r.pattern) {
			t.Errorf("%q was accepted: %s", r.pattern, r.why)
		}
		if complaint := newOracle().add(r.pattern); complaint != "" {
			t.Errorf("ServeMux refuses %q too: %s", r.pattern, complaint)
		}
	}
}
