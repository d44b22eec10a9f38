package lwan_test

import (
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// TestForwarders is about what those ask for who pass a request on.
func TestForwarders(t *testing.T) {
	r := httptest.NewRequest("POST", "/", strings.NewReader("hello"))
	r.Header["X-A"] = []string{"1", "2"}
	r.Header["x_b"] = []string{""}
	lwantest.Do(t, func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		if n := req.ContentLength(); n != 5 {
			t.Errorf("length %d", n)
		}
		if n := req.BodyLimit(); n != 1<<20 {
			t.Errorf("limit %d", n)
		}
		var lines, copies []string
		for name, value := range req.HeaderLines() {
			lines = append(lines, string(name)+": "+string(value))
		}
		for name, value := range req.Headers() {
			copies = append(copies, name+": "+value)
		}
		if got := strings.Join(lines, "\n"); got != strings.Join(copies, "\n") ||
			strings.Count(got, "X-A: ") != 2 {
			t.Errorf("%q, want %q", lines, copies)
		}
		for range req.HeaderLines() {
			break
		}
		if peer, trusted := req.PeerAddr(); peer != netip.MustParseAddrPort("192.0.2.1:1234") ||
			trusted {
			t.Errorf("peer %v, trusted %v", peer, trusted)
		}
		return 200
	}, r)
	chunked := httptest.NewRequest("POST", "/", struct{ *strings.Reader }{strings.NewReader("x")})
	chunked.ContentLength = -1
	lwantest.Do(t, func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		if n := req.ContentLength(); n != -1 {
			t.Errorf("length in chunks: %d", n)
		}
		return 200
	}, chunked)
}

func TestPeerAddrTrusted(t *testing.T) {
	srv := &lwan.Server{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}
	srv.Handle("GET /", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		peer, trusted := req.PeerAddr()
		if peer.Addr().String() != "192.0.2.1" || !trusted {
			t.Errorf("peer %v, trusted %v", peer, trusted)
		}
		if client := req.RemoteAddr().Addr().String(); client != "203.0.113.9" {
			t.Errorf("client %s", client)
		}
		return 200
	})
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-Forwarded-For", "203.0.113.9")
	lwantest.Do(t, lwantest.Build(t, srv), r)
}
