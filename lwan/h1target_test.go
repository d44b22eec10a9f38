//go:build linux && !golwan_nethttp

package lwan

import (
	"fmt"
	"strings"
	"testing"
)

// targetServer shows what a handler sees of the target.
func targetServer(t *testing.T, srv *Server) string {
	show := func(req *Request, resp *Response) Status {
		return resp.Text(200, fmt.Sprintf("%s host=%s path=%s target=%s p=%s rest=%s q=%s",
			req.Pattern(), req.Host(), req.Path(), req.Target(), req.Param("p"), req.Rest(),
			req.Query("q")))
	}
	srv.Handle("GET /plain", show)
	srv.Handle("GET /one/{p}", show)
	srv.Handle("GET /tree/", show)
	srv.Handle("GET /all/{p...}", show)
	srv.Handle("GET other.example/plain", show)
	return serveTest(t, srv)
}

// TestTargets: the forms of RFC 9112 section 3.2, and what becomes of escapes.
func TestTargets(t *testing.T) {
	addr := targetServer(t, &Server{})
	for _, c := range []struct{ target, host, want string }{
		{"/plain?q=a+b%20c", "x",
			"GET /plain host=x path=/plain target=/plain?q=a+b%20c p= rest= q=a b c"},
		{"http://other.example/plain", "x", "GET other.example/plain host=other.example " +
			"path=/plain target=http://other.example/plain p= rest= q="},
		{"http://other.example:80/plain", "x", "GET other.example/plain host=other.example:80 " +
			"path=/plain target=http://other.example:80/plain p= rest= q="},
		{"/plain", "OTHER.example",
			"GET other.example/plain host=OTHER.example path=/plain target=/plain p= rest= q="},
		{"/pl%61in", "x", "GET /plain host=x path=/plain target=/pl%61in p= rest= q="},
		{"/one/a%20b", "x", "GET /one/{p} host=x path=/one/a b target=/one/a%20b p=a b rest= q="},
		{"/one/a%2Fb", "x", "GET /one/{p} host=x path=/one/a%2Fb target=/one/a%2Fb p=a/b rest= q="},
		{"/one/a%2fb", "x", "GET /one/{p} host=x path=/one/a%2Fb target=/one/a%2fb p=a/b rest= q="},
		{"/one/%25", "x", "GET /one/{p} host=x path=/one/% target=/one/%25 p=% rest= q="},
		{"/one/%252F", "x", "GET /one/{p} host=x path=/one/%2F target=/one/%252F p=%2F rest= q="},
		{"/tree/a%2Fb/c", "x",
			"GET /tree/ host=x path=/tree/a%2Fb/c target=/tree/a%2Fb/c p= rest=a%2Fb/c q="},
		{"/all/a%2Fb/c/", "x", "GET /all/{p...} host=x path=/all/a%2Fb/c/ target=/all/a%2Fb/c/ " +
			"p=a/b/c/ rest=a%2Fb/c/ q="},
	} {
		a := once(t, addr, "GET", "GET "+c.target+" HTTP/1.1\r\nHost: "+c.host+"\r\n\r\n")
		if a.status != 200 || a.body != c.want {
			t.Errorf("%s at %s: %d %q\nwant %q", c.target, c.host, a.status, a.body, c.want)
		}
	}
}

// TestBadRequests are refused, and the connection closed: what follows is not to be trusted.
func TestBadRequests(t *testing.T) {
	addr := targetServer(t, &Server{})
	for name, raw := range map[string]string{
		"no Host":             "GET /plain HTTP/1.1\r\n\r\n",
		"two Hosts":           "GET /plain HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
		"a Host that is none": "GET /plain HTTP/1.1\r\nHost: a b\r\n\r\n",
		"a Host with a user":  "GET /plain HTTP/1.1\r\nHost: u@x\r\n\r\n",
		"no path":             "GET plain HTTP/1.1\r\nHost: x\r\n\r\n",
		"a fragment":          "GET /plain#x HTTP/1.1\r\nHost: x\r\n\r\n",
		"a broken escape":     "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n",
		"both framings": "POST /plain HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n" +
			"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"two lengths": "POST /plain HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n" +
			"Content-Length: 2\r\n\r\nxy",
		"a signed length":       "POST /plain HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\nx",
		"space before colon":    "GET /plain HTTP/1.1\r\nHost : x\r\n\r\n",
		"folded field":          "GET /plain HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
		"bare LF":               "GET /plain HTTP/1.1\nHost: x\n\n",
		"asterisk with GET":     "GET * HTTP/1.1\r\nHost: x\r\n\r\n",
		"NUL in a field":        "GET /plain HTTP/1.1\r\nHost: x\r\nA: \x00\r\n\r\n",
		"TLS on the wrong port": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
	} {
		t.Run(name, func(t *testing.T) {
			w := dial(t, addr)
			w.send(raw + "GET /plain HTTP/1.1\r\nHost: smuggled\r\n\r\n")
			if a := w.answer("GET"); a.status != 400 || !a.close {
				t.Errorf("%v", a)
			}
			w.ended()
		})
	}
	w := dial(t, addr) // an escaped NUL is found later, where the connection is still in step
	w.send("GET /one/%00 HTTP/1.1\r\nHost: x\r\n\r\n")
	if a := w.answer("GET"); a.status != 400 {
		t.Errorf("%v", a)
	}
	// no Host is needed in 1.0
	if a := once(t, addr, "GET", "GET /plain HTTP/1.0\r\n\r\n"); a.status != 200 {
		t.Errorf("HTTP/1.0: %v", a)
	}
	if a := once(t, addr, "GET", "GET /plain HTTP/2.0\r\nHost: x\r\n\r\n"); a.status != 505 {
		t.Errorf("HTTP/2.0: %v", a)
	}
}

// TestRedirects: unclean paths and missing slashes lead to the right one, with their query, in the
// chain of the route that is there, and never to another host.
func TestRedirects(t *testing.T) {
	srv := &Server{}
	srv.Use(func(next Handler) Handler {
		return func(req *Request, resp *Response) Status {
			resp.SetHeader("X-Pattern", req.Pattern())
			return next(req, resp)
		}
	})
	addr := targetServer(t, srv)
	for _, c := range []struct{ target, location, pattern string }{
		{"/tree", "/tree/", "GET /tree/"},
		{"/tree?q=1&q=%2F", "/tree/?q=1&q=%2F", "GET /tree/"},
		{"/tree?", "/tree/?", "GET /tree/"},
		{"//plain", "/plain", "GET /plain"},
		{"/./plain?q", "/plain?q", "GET /plain"},
		{"/x/../plain", "/plain", "GET /plain"},
		{"/x/%2e%2e/plain", "/plain", "GET /plain"},
		{"//tree", "/tree/", "GET /tree/"},
		{"/tree//a%20b/../c%20d", "/tree/c%20d", "GET /tree/"},
		{"//evil.example/tree/..", "/evil.example", ""},
		{"/one//a%2Fb", "/one/a%2Fb", "GET /one/{p}"},
	} {
		a := get(t, addr, c.target)
		if c.pattern == "" {
			if loc := a.header.Get("Location"); strings.HasPrefix(loc, "//") {
				t.Errorf("%s leads to %q: another host", c.target, loc)
			}
			continue
		}
		if a.status != 307 || a.header.Get("Location") != c.location ||
			a.header.Get("X-Pattern") != c.pattern {
			t.Errorf("%s: %v\nwant %s, %s", c.target, a, c.location, c.pattern)
		}
	}
}

// TestStaleParameters: a request that was never routed shows nothing of the one before it on the
// same worker.
func TestStaleParameters(t *testing.T) {
	srv := &Server{Loops: 1}
	srv.ErrorPage = func(req *Request, resp *Response, st Status) Status {
		return resp.Text(st,
			fmt.Sprintf("p=%q rest=%q path=%q q=%q",
				req.Param("p"), req.Rest(), req.Path(), req.Query("q")))
	}
	addr := targetServer(t, srv)
	for _, raw := range []string{
		"nonsense\r\n\r\n", "FROB / HTTP/1.1\r\nHost: x\r\n\r\n",
		"CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n",
	} {
		w := dial(t, addr)
		w.send("GET /all/secret?q=secret HTTP/1.1\r\nHost: x\r\n\r\n" + raw)
		if a := w.answer("GET"); a.status != 200 {
			t.Fatal(a)
		}
		if a := w.answer("GET"); a.status < 400 || strings.Contains(a.body, "secret") {
			t.Errorf("%q: %v", raw, a)
		}
	}
}

// TestHeadLimits: 414 and 431 for one more than allowed (RFC 9110 section 15.5.15, RFC 6585 section
// 5).
func TestHeadLimits(t *testing.T) {
	srv := &Server{MaxLineBytes: 64, MaxHeaderBytes: 100, MaxFields: 3}
	o := make(observed, 16)
	srv.Observe(o)
	addr := targetServer(t, srv)
	line := func(n int) string {
		const rest = "GET /plain? HTTP/1.1"
		return "GET /plain?" + strings.Repeat("a", n-len(rest)) + " HTTP/1.1\r\n"
	}
	field := func(n int) string {
		return "Host: x\r\nA: " + strings.Repeat("b", n-len("Host: x\r\nA: \r\n")) + "\r\n"
	}
	for _, c := range []struct {
		name, raw string
		status    int
	}{
		{"line", line(64) + "Host: x\r\n\r\n", 200},
		{"line", line(65) + "Host: x\r\n\r\n", 414},
		{"bytes", line(30) + field(100) + "\r\n", 200},
		{"bytes", line(30) + field(101) + "\r\n", 431},
		{"count", line(30) + "Host: x\r\nA:\r\nB:\r\n\r\n", 200},
		{"count", line(30) + "Host: x\r\nA:\r\nB:\r\nC:\r\n\r\n", 431},
	} {
		w := dial(t, addr)
		w.send(c.raw)
		a := w.answer("GET")
		if a.status != c.status || a.close != (c.status != 200) {
			t.Errorf("%s: %v, want %d", c.name, a, c.status)
		}
		want := "GET GET /plain 200 <nil>"
		if c.status != 200 {
			w.ended()
			want = fmt.Sprintf("  %d <nil>", c.status)
		}
		if got := o.next(t); got != want {
			t.Errorf("%s: observed %q, want %q", c.name, got, want)
		}
	}
}

// TestLocationWasAView: the Location of a redirect to a clean path was a view of a buffer; code
// that kept it saw the next request's.
func TestLocationWasAView(t *testing.T) {
	srv := &Server{Loops: 1}
	kept := make(chan string, 3)
	srv.Use(func(next Handler) Handler {
		return func(req *Request, resp *Response) Status {
			st := next(req, resp)
			kept <- resp.Header("Location")
			return st
		}
	})
	srv.Handle("GET /", text("here"))
	w := dial(t, serveTest(t, srv))
	for _, path := range []string{"/first//one", "/other//two"} {
		w.send("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")
		w.answer("GET")
	}
	w.open("/")
	if first, other := <-kept, <-kept; first != "/first/one" || other != "/other/two" {
		t.Errorf("%q and %q", first, other)
	}
}
