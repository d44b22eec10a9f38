package router

import (
	"net/url"
	"strings"
	"testing"
)

// likeServeMux reports whether a pattern is one about which the oracle has the same opinion: see
// differences.
func likeServeMux(pattern string) bool {
	if strings.Contains(pattern, "\x00") || strings.Contains(pattern, "%00") ||
		len(pattern) > maxHost {
		return false
	}
	i := strings.IndexByte(pattern, '/')
	if i < 0 {
		return true
	}
	before, path := pattern[:i], pattern[i:]
	host := before[strings.LastIndexAny(before, " \t")+1:]
	return !oddHost(host) && !strings.Contains(path, "//") && !oddSegment(path)
}

// oddHost finds capitals and brackets.
func oddHost(host string) bool {
	return strings.ToLower(host) != host || strings.ContainsAny(host, "[]")
}

// oddSegment finds encoded dots, and segments that are nothing but an encoded slash.
func oddSegment(path string) bool {
	for s := range strings.SplitSeq(path, "/") {
		switch d, err := url.PathUnescape(s); {
		case err == nil && d == "/", err == nil && s != d && (d == "." || d == ".."):
			return true
		}
	}
	return false
}

// FuzzPatterns gives two patterns to both: they must be accepted or refused, alone and together, by
// both.
func FuzzPatterns(f *testing.F) {
	f.Add("GET /a/{x}", "/{y...}")
	f.Add("/a/{$}", "h/a/")
	f.Add("HEAD /%2Fa/é", "GET \t /{_é}/b")
	f.Add("/{x}/{x}", "/{x...}/")
	f.Add("M-SEARCH h:80/{", "GET //")
	f.Fuzz(func(t *testing.T, first, second string) {
		if !likeServeMux(first) || !likeServeMux(second) {
			t.Skip("a known difference")
		}
		o := newOracle()
		for i, patterns := range [][]string{{first}, {first, second}} {
			complaint := o.add(patterns[i])
			if ok := builds(patterns...); ok != (complaint == "") {
				t.Fatalf("%q: accepted: %v; ServeMux: %q", patterns, ok, complaint)
			}
			if complaint != "" {
				return
			}
		}
	})
}

// FuzzFind gives a table, one pattern a line, and a request to both.
func FuzzFind(f *testing.F) {
	f.Add("/\nGET /a/{x}\nPOST /a/b\n/a/{y...}", "GET", "h:80", "/a/b")
	f.Add("/a/{$}\n/a/b/\nh/a/{x}", "PUT", "h", "/a")
	f.Add("/{x}/b/c\n/a/{y}/c\n/a/b/{z}/", "HEAD", "", "/a/b/c/../d")
	f.Add("GET /a%2Fb/\nGET /{x}/{y}\nBREW /a%2fb/c", "BREW", "", "/a%2Fb/%63")
	f.Add("CONNECT /x\n/x/", "CONNECT", "h:443", "/x")
	f.Fuzz(func(t *testing.T, patterns, method, host, raw string) {
		u, err := url.ParseRequestURI(raw)
		if err != nil || !strings.HasPrefix(raw, "/") || u.Host != "" || u.RawQuery != "" ||
			u.EscapedPath() != raw || strings.Contains(u.Path, "\x00") || oddSegment(raw) ||
			!validMethod(method) || method == "" || strings.HasSuffix(raw, "/.") ||
			strings.HasSuffix(raw, "/..") || oddHost(host) || len(host) > maxHost ||
			method == "CONNECT" && (strings.Contains(raw, "//") || Clean(raw) != raw) {
			t.Skip("no request, or a known difference")
		}
		o, accepted := newOracle(), []string(nil)
		for p := range strings.SplitSeq(patterns, "\n") {
			if likeServeMux(p) && o.add(p) == "" {
				accepted = append(accepted, p)
			}
		}
		q := probe{method, host, raw}
		ours, theirs := serve(tableOf(t, accepted...), q), o.serve(t, q)
		if !sameAnswer(q, ours, theirs) {
			t.Fatalf("%q\n%+v\n ours:   %+v\n theirs: %+v", accepted, q, ours, theirs)
		}
	})
}
