package handlers_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// behindProxy trusts the peers of lwantest, so that X-Forwarded-Proto says what is encrypted.
func behindProxy(t *testing.T, mw ...lwan.Middleware) lwan.Handler {
	t.Helper()
	srv := &lwan.Server{TrustedProxies: []netip.Prefix{
		netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0"),
	}}
	srv.Use(mw...)
	srv.Handle("/", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		if req.Query("reset") != "" {
			resp.SetHeader("X", "y")
			resp.Reset()
		}
		if v := req.Query("hsts"); v != "" {
			resp.SetHeader("Strict-Transport-Security", v)
		}
		return resp.Text(200, "inside")
	})
	return lwantest.Build(t, srv)
}

func TestToHTTPS(t *testing.T) {
	hosts := []string{"example.com", "www.Example.com"}
	for _, tt := range []struct {
		port        int
		hosts       []string
		method, url string
		status      int
		location    string
		proto       string // X-Forwarded-Proto
	}{
		{443, hosts, "GET", "http://example.com/a%2F?c", 308, "https://example.com/a%2F?c", ""},
		{443, hosts, "POST", "http://WWW.example.com:80/", 308, "https://www.example.com/", ""},
		{8443, hosts, "GET", "http://example.com:8080//x", 308, "https://example.com:8443//x", ""},
		{443, hosts, "GET", "http://example.org/", 421, "", ""},
		{443, hosts, "GET", "http://example.com.evil.org/", 421, "", ""},
		{443, nil, "GET", "http://any.example/", 308, "https://any.example/", ""},
		{443, nil, "GET", "http://[::1]:8080/x", 308, "https://[::1]/x", ""},
		{443, hosts, "GET", "http://example.com/", 200, "", "https"},
		{443, hosts, "GET", "http://example.org/", 200, "", "https"},
		{0, nil, "GET", "http://a.example:8080/x", 308, "https://a.example/x", ""},
		{443, nil, "GET", "http://x/.well-known/acme-challenge/y", 200, "", ""},
		{443, hosts, "GET", "http://x/.well-known/acme-challenge/y", 200, "", ""},
		{443, nil, "GET", "http://x/.well-known/acme-challenges/y", 308,
			"https://x/.well-known/acme-challenges/y", ""},
		{443, nil, "GET", "http://x/.well-known/acme-challenge/../y", 308,
			"https://x/.well-known/acme-challenge/../y", ""},
		{443, nil, "GET", "http:///a", 400, "", ""},
	} {
		h := behindProxy(t, handlers.ToHTTPS(tt.port, tt.hosts...))
		r, err := http.NewRequestWithContext(context.Background(), tt.method, tt.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.RequestURI = r.URL.RequestURI()
		r.RemoteAddr = "192.0.2.1:1"
		if tt.proto != "" {
			r.Header.Set("X-Forwarded-Proto", tt.proto)
		}
		got := lwantest.Do(t, h, r)
		if got.Status != tt.status || got.Header.Get("Location") != tt.location {
			t.Errorf("%s %s: %d %q", tt.method, tt.url, got.Status, got.Header.Get("Location"))
		}
	}
}

// TestPortEighty: whatever is asked for, on a real connection.
func TestPortEighty(t *testing.T) {
	eighty := handlers.PortEighty(443, "example.com")
	eighty.Handle("GET /.well-known/acme-challenge/known", ok)
	srv := &lwan.Server{Endpoints: []lwan.Endpoint{
		{Addr: "127.0.0.1:0", Routes: eighty},
	}}
	s := lwantest.Start(t, srv)
	for _, tt := range []struct{ request, status, location string }{
		{"GET /a?b HTTP/1.1\r\nHost: example.com", "308", "https://example.com/a?b"},
		{"PATCH /a/../b HTTP/1.1\r\nHost: example.com", "308", "https://example.com/a/../b"},
		{"GET http://example.com/x HTTP/1.1\r\nHost: example.com", "308", "https://example.com/x"},
		{"GET http://example.com?x HTTP/1.1\r\nHost: example.com", "308", "https://example.com/?x"},
		{"OPTIONS * HTTP/1.1\r\nHost: example.com", "204", ""},
		{"GET / HTTP/1.1\r\nHost: evil.example", "421", ""},
		{"GET / HTTP/1.0\r\n", "421", ""},
		{"GET /.well-known/acme-challenge/known HTTP/1.1\r\nHost: evil.example", "204", ""},
		{"GET /.well-known/acme-challenge/x HTTP/1.1\r\nHost: example.com", "308",
			"https://example.com/.well-known/acme-challenge/x"},
		{"GET /.well-known/acme-challenge/x HTTP/1.1\r\nHost: evil.example", "421", ""},
	} {
		status, location := exchange(t, s.Addrs()[0], tt.request+"\r\nConnection: close\r\n\r\n")
		if status != tt.status || location != tt.location {
			t.Errorf("%q: %s %q, want %s %q", tt.request, status, location, tt.status, tt.location)
		}
	}
}

// exchange sends a request, and returns the status and the Location of the answer.
func exchange(t *testing.T, addr net.Addr, request string) (status, location string) {
	t.Helper()
	conn, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.Status[:3], resp.Header.Get("Location")
}

// TestToHTTPSBelow: a name with a star stands for all below it, and for nothing else.
func TestToHTTPSBelow(t *testing.T) {
	h := handlers.ToHTTPS(443, "example.com", "*.blogs.example.net")(ok)
	for host, want := range map[string]int{
		"example.com": 308, "EXAMPLE.com:80": 308, "www.example.com": 421,
		"a.blogs.example.net": 308, "a.b.blogs.example.net": 308, "blogs.example.net": 421,
		"xblogs.example.net": 421, "evil.test": 421, "*.blogs.example.net": 308,
	} {
		r := httptest.NewRequest("GET", "/x", nil)
		r.Host = host
		if got := lwantest.Do(t, h, r); got.Status != want {
			t.Errorf("%s: %d, want %d", host, got.Status, want)
		}
	}
}
