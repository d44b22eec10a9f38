//go:build linux

package lwan

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
)

// showTarget shows what a handler sees of a target.
func showTarget(req *Request, resp *Response) Status {
	return resp.Text(200,
		fmt.Sprintf("%s|%s|%q|%q", req.Path(), req.Target(), req.Param("p"), req.Query("q")))
}

// TestBareTargets: what clients leave bare is the same as its encoding, in all that is shown of it,
// on every engine.
func TestBareTargets(t *testing.T) {
	srv := &Server{}
	srv.Handle("GET /p/{p}", showTarget)
	srv.Handle("GET /caf\u00e9", showTarget)
	addr := serveTest(t, srv)
	for _, c := range []struct{ bare, encoded, want string }{
		{"/p/^`{|}<>", "/p/%5E%60%7B%7C%7D%3C%3E",
			"/p/^`{|}<>|/p/%5E%60%7B%7C%7D%3C%3E|\"^`{|}<>\"|\"\""},
		{"/p/a?q=^`{|}<>", "/p/a?q=%5E%60%7B%7C%7D%3C%3E",
			"/p/a|/p/a?q=%5E%60%7B%7C%7D%3C%3E|\"a\"|\"^`{|}<>\""},
		{"/caf\u00e9", "/caf%C3%A9", "/caf\u00e9|/caf%C3%A9|\"\"|\"\""},
		{"/p/\u00e4?q=\u00e4\u20ac", "/p/%C3%A4?q=%C3%A4%E2%82%AC",
			"/p/\u00e4|/p/%C3%A4?q=%C3%A4%E2%82%AC|\"\u00e4\"|\"\u00e4\u20ac\""},
		// no UTF-8: bytes
		{"/p/\xe4?q=\xe4", "/p/%E4?q=%E4", "/p/\xe4|/p/%E4?q=%E4|\"\\xe4\"|\"\\xe4\""},
		{"/p/a[1]?q[]=1&q=[2]", "/p/a[1]?q[]=1&q=[2]",
			"/p/a[1]|/p/a[1]?q[]=1&q=[2]|\"a[1]\"|\"[2]\""},
	} {
		for _, target := range []string{c.bare, c.encoded} {
			if a := get(t, addr, target); a.status != 200 || a.body != c.want {
				t.Errorf("%q: %d %q\nwant %q", target, a.status, a.body, c.want)
			}
		}
	}
	for _, target := range []string{
		"/p/a\\b", "/p/a#b", "/p/a\x01b", "/p/a\x7fb", "/p/a?q=\x01", "/p/a?q=\x7f", "/p/a b",
		"/p/a?q=a b", "/p/a\tb",
	} {
		if a := get(t, addr, target); a.status != 400 {
			t.Errorf("%q: %v", target, a)
		}
	}
}

// TestBareTargetOfFromHTTP: a handler of net/http sees what net/http shows, the bytes that came.
func TestBareTargetOfFromHTTP(t *testing.T) {
	srv := &Server{}
	srv.Handle("/", FromHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s|%s|%q|%s",
			r.URL.Path, r.RequestURI, r.URL.Query().Get("q"), r.URL.RawQuery)
	})))
	const want = "/\u00e4|b|/\u00e4|b?q={x}|\"{x}\"|q={x}"
	if a := get(t, serveTest(t, srv), "/\u00e4|b?q={x}"); a.status != 200 || a.body != want {
		t.Errorf("%d %s\nwant %s", a.status, a.body, want)
	}
}

// TestBareQueryOfGo: Go's client sends a query as it is given.
func TestBareQueryOfGo(t *testing.T) {
	srv := &Server{}
	srv.Handle("GET /p/{p}", showTarget)
	u := url.URL{
		Scheme: "http", Host: serveTest(t, srv), Path: "/p/\u00e4|", RawQuery: "q={\u00e4|<b>}",
	}
	resp, err := http.Get(u.String())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	got, want := string(body),
		"/p/\u00e4||/p/%C3%A4%7C?q=%7B%C3%A4%7C%3Cb%3E%7D|\"\u00e4|\"|\"{\u00e4|<b>}\""
	if got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// TestRedirectKeepsTheSlash: a dot segment at the end names a directory (RFC 3986 section 5.2.4),
// and the query that goes along is a URI's.
func TestRedirectKeepsTheSlash(t *testing.T) {
	srv := &Server{}
	srv.Handle("GET /a/b", showTarget)
	srv.Handle("GET /a/b/", showTarget)
	srv.Handle("GET /a/", showTarget)
	srv.Handle("GET /p/{p}", showTarget)
	addr := serveTest(t, srv)
	for target, location := range map[string]string{
		"/a/b/.":                "/a/b/",
		"/a/b/c/..":             "/a/b/",
		"/a/b/..":               "/a/",
		"/a/b/%2e%2E?q=1":       "/a/?q=1",
		"/a//b":                 "/a/b",
		"/a/b//.":               "/a/b/",
		"/p//\u00e4?q={\u00e4}": "/p/%C3%A4?q=%7B%C3%A4%7D",
		"/p//|?q=%7c":           "/p/%7C?q=%7c",
	} {
		if a := get(t, addr, target); a.status != 307 || a.header.Get("Location") != location {
			t.Errorf("%s: %v, want %s", target, a, location)
		}
	}
}

// TestBareByteKeepsEncodedSlash: a byte that was sent bare does not turn a slash that was sent
// encoded into one of the path, for a backend behind a proxy no more than for a handler behind
// http.StripPrefix.
func TestBareByteKeepsEncodedSlash(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.RequestURI)
	}))
	defer backend.Close()
	to, err := url.Parse(backend.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	srv := &Server{}
	srv.Handle("/proxy/", FromHTTP(proxy))
	srv.Handle("/within/", func(*Request, *Response) Status { return 404 },
		FromHTTPMiddleware(func(http.Handler) http.Handler { return proxy }))
	srv.Handle("/strip/",
		func(req *Request, resp *Response) Status { return resp.Text(200, req.Path()) },
		FromHTTPMiddleware(func(next http.Handler) http.Handler {
			return http.StripPrefix("/strip", next)
		}))
	srv.Handle("/target/",
		func(req *Request, resp *Response) Status { return resp.Text(200, req.Target()) },
		FromHTTPMiddleware(func(next http.Handler) http.Handler {
			return http.StripPrefix("/target", next)
		}))
	srv.Handle("/as-it-is/",
		func(req *Request, resp *Response) Status { return resp.Text(200, req.Target()) },
		FromHTTPMiddleware(func(next http.Handler) http.Handler { return next }))
	logged(srv)
	addr := serveTest(t, srv)
	for _, c := range []struct{ target, want string }{
		{"/proxy/..%2F..%2Fadmin<", "/proxy/..%2F..%2Fadmin%3C"},
		{"/proxy/a%2fb\xe4?q=<%2F", "/proxy/a%2fb%E4?q=<%2F"},
		{"/proxy/\u00e4", "/proxy/%C3%A4"},
		{"/proxy/a%20b{", "/proxy/a%20b%7B"},
		{"http://x/proxy/..%2F{", "/proxy/..%2F%7B"},
		{"/within/..%2F..%2Fadmin<", "/within/..%2F..%2Fadmin%3C"},
		{"/strip/..%2F..%2Fadmin<", "/..%2F..%2Fadmin<"},
		{"/strip/a%2Fb", "/a%2Fb"},
		{"/target/..%2F<?q=<", "/target/..%2F%3C?q=%3C"},
		{"/as-it-is/..%2F<?q=<", "/as-it-is/..%2F%3C?q=%3C"},
	} {
		if a := get(t, addr, c.target); a.status != 200 || a.body != c.want {
			t.Errorf("%q: %d %q, want %q", c.target, a.status, a.body, c.want)
		}
	}
	stripped := httptest.NewServer(http.StripPrefix("/strip",
		ToHTTP(func(req *Request, resp *Response) Status { return resp.Text(200, req.Path()) })))
	defer stripped.Close()
	if a := get(t, stripped.Listener.Addr().String(), "/strip/..%2Fadmin<"); a.status != 200 ||
		a.body != "/..%2Fadmin<" {
		t.Errorf("ToHTTP behind StripPrefix: %d %q", a.status, a.body)
	}
}
