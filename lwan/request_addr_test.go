//go:build linux

package lwan

import (
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan/internal/http1"
	"github.com/golwan/golwan/lwan/internal/message"
)

// forwardedRequest is a request with lines of X-Forwarded-For.
func forwardedRequest(t *testing.T, trusted []netip.Prefix, lines ...string) *Request {
	t.Helper()
	r := &Request{
		head: new(message.Head), table: &table{core: &core{process: &process{srv: &Server{TrustedProxies: trusted}}}},
	}
	head := "GET / HTTP/1.1\r\nHost: x\r\n"
	for _, l := range lines {
		head += "X-Forwarded-For: " + l + "\r\n"
	}
	r.buf = []byte(head + "\r\n")
	v, err := http1.Parse(r.buf, r.head, &message.Limits{Line: 1 << 20, Fields: 1 << 30},
		&http1.Resume{})
	if v != http1.Done {
		t.Fatal(v, err)
	}
	return r
}

// TestForwardedForFromItsEnd: text that a client has put before the address that the proxy saw is
// ignored, and costs nothing.
func TestForwardedForFromItsEnd(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	peer := netip.MustParseAddrPort("10.0.0.1:1")
	for _, c := range []struct {
		lines []string
		want  string
		hops  int
	}{
		{nil, "10.0.0.1:1", 0},
		{[]string{""}, "10.0.0.1:1", 0},
		{[]string{"192.0.2.1"}, "192.0.2.1:0", 0},
		{[]string{"192.0.2.1:80, 10.0.0.2"}, "192.0.2.1:80", 1},
		{[]string{"forged, 192.0.2.1 ,10.0.0.2", "10.0.0.3"}, "192.0.2.1:0", 2},
		{[]string{"192.0.2.1", "nonsense", "10.0.0.3"}, "10.0.0.3:0", 1},
		{[]string{"192.0.2.1", "10.0.0.2,"}, "10.0.0.1:1", 0},
		{[]string{"[2001:db8::1]:443,10.0.0.2"}, "[2001:db8::1]:443", 1},
		{[]string{"[2001:db8::1], 10.0.0.2"}, "[2001:db8::1]:0", 1},
		{[]string{"10.0.0.4,10.0.0.5"}, "10.0.0.4:0", 2},

		// the forms of IPv6 of one client are one address
		{[]string{"::ffff:192.0.2.1"}, "192.0.2.1:0", 0},
		{[]string{"192.0.2.1, ::ffff:10.0.0.2"}, "192.0.2.1:0", 1},

		{[]string{"::ffff:192.0.2.1%eth0"}, "192.0.2.1:0", 0},
		{[]string{"fe80::1%\"forged"}, "[fe80::1]:0", 0},
		{[]string{"[fe80::1%eth0]:80, 10.0.0.2"}, "[fe80::1]:80", 1},

		// what is no address of a client
		{[]string{"192.0.2.1%25"}, "10.0.0.1:1", 0},
		{[]string{"192.0.2.1:99999"}, "10.0.0.1:1", 0},
		{[]string{"[192.0.2.1"}, "10.0.0.1:1", 0},
		{[]string{"]]192.0.2.1[["}, "10.0.0.1:1", 0},
		{[]string{"["}, "10.0.0.1:1", 0},
		{[]string{"0.0.0.0"}, "10.0.0.1:1", 0},
		{[]string{"[::]:80"}, "10.0.0.1:1", 0},
		{[]string{"224.0.0.1"}, "10.0.0.1:1", 0},
		{[]string{"unknown"}, "10.0.0.1:1", 0},
		{[]string{"unix:"}, "10.0.0.1:1", 0},
	} {
		got, hops := forwardedRequest(t, trusted, c.lines...).forwardedFor(peer)
		if got.String() != c.want || hops != c.hops {
			t.Errorf("%q: %v, %d, want %s, %d", c.lines, got, hops, c.want, c.hops)
		}
	}
	long := forwardedRequest(t, trusted, strings.Repeat("a,", 1<<20)+"192.0.2.1",
		"[2001:db8::1]:443, 10.0.0.2, 10.0.0.3:80")
	if n := testing.AllocsPerRun(10, func() { long.forwardedFor(peer) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// showClient shows whom the server takes the client for.
func showClient(req *Request, resp *Response) Status {
	return resp.Text(200, req.RemoteAddr().Addr().String()+" "+req.Scheme())
}

// TestForwarded: addresses and schemes that a proxy reports are believed only if it is trusted, and
// only its own part of them.
func TestForwarded(t *testing.T) {
	inTheClear(t, "the scheme is another one")
	trusting := &Server{
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"),
			netip.MustParsePrefix("10.0.0.0/8")},
	}
	wary := &Server{}
	trusting.Handle("/", showClient)
	wary.Handle("/", showClient)
	believes, doubts := serveTest(t, trusting), serveTest(t, wary)
	for _, c := range []struct {
		fields string
		want   string
	}{
		{"", "127.0.0.1 http"},
		{"X-Forwarded-For: 203.0.113.7; X-Forwarded-Proto: https", "203.0.113.7 https"},
		{"X-Forwarded-For: 198.51.100.1, 203.0.113.7, 10.0.0.2", "203.0.113.7 http"},
		{"X-Forwarded-For: 6.6.6.6; X-Forwarded-For: 203.0.113.7", "203.0.113.7 http"},
		{"X-Forwarded-For: 10.0.0.1, 10.0.0.2", "10.0.0.1 http"},
		{"X-Forwarded-For: nonsense", "127.0.0.1 http"},
		{"X-Forwarded-For: nonsense, 10.0.0.2", "10.0.0.2 http"},
		{"X-Forwarded-For: [2001:db8::1]:4711", "2001:db8::1 http"},
		{"X-Forwarded-For: 2001:db8::1", "2001:db8::1 http"},

		// the proxy that is trusted has added the last element, whatever lines they stand on
		{"X-Forwarded-Proto: https, http", "127.0.0.1 http"},
		{"X-Forwarded-Proto: http, HTTPS", "127.0.0.1 https"},
		{"X-Forwarded-Proto: https; X-Forwarded-Proto: http", "127.0.0.1 http"},
		{"X-Forwarded-Proto: http; X-Forwarded-Proto: https", "127.0.0.1 https"},
		// and an element counts with the address of the same place
		{"X-Forwarded-For: 203.0.113.7, 10.0.0.2; X-Forwarded-Proto: https, http",
			"203.0.113.7 https"},
		{"X-Forwarded-For: 6.6.6.6, 203.0.113.7, 10.0.0.2; X-Forwarded-Proto: https, http, https",
			"203.0.113.7 http"},
		{"X-Forwarded-For: 6.6.6.6, 203.0.113.7; X-Forwarded-Proto: https; X-Forwarded-Proto: http",
			"203.0.113.7 http"},
		// passed on as it was
		{"X-Forwarded-For: 203.0.113.7, 10.0.0.2, 10.0.0.3; X-Forwarded-Proto: https",
			"203.0.113.7 https"},
	} {
		fields := strings.Split(c.fields, "; ")
		if c.fields == "" {
			fields = nil
		}
		for addr, want := range map[string]string{believes: c.want, doubts: "127.0.0.1 http"} {
			if a := get(t, addr, "/", fields...); a.body != want {
				t.Errorf("%q: %q, want %q", c.fields, a.body, want)
			}
		}
	}
}

// TestTrustPeers: a proxy on a unix socket has no address that could be trusted; the socket is.
func TestTrustPeers(t *testing.T) {
	dir := t.TempDir()
	srv := &Server{
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		Endpoints: []Endpoint{
			{Addr: "unix:" + filepath.Join(dir, "trusted"), TrustPeers: true},
			{Addr: "unix:" + filepath.Join(dir, "not")},
			{Addr: "127.0.0.1:0", TrustPeers: true},
		},
	}
	srv.Handle("/", showClient)
	serveTest(t, srv)
	for _, c := range []struct {
		fields               []string
		trusted, wary, local string
	}{
		{nil, "invalid IP http", "invalid IP http", "127.0.0.1 http"},
		{[]string{"X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: https"}, "203.0.113.7 https",
			"invalid IP http", "203.0.113.7 https"},
		{[]string{"X-Forwarded-For: 203.0.113.7, 10.0.0.2"}, "203.0.113.7 http",
			"invalid IP http", "203.0.113.7 http"},
		{[]string{"X-Forwarded-For: 6.6.6.6, 203.0.113.7"}, "203.0.113.7 http",
			"invalid IP http", "203.0.113.7 http"},
		{[]string{"X-Forwarded-For: 203.0.113.7, unix:"}, "invalid IP http",
			"invalid IP http", "127.0.0.1 http"},
	} {
		for i, want := range []string{c.trusted, c.wary, c.local} {
			conn, err := net.Dial(srv.Addrs()[i].Network(), srv.Addrs()[i].String())
			if err != nil {
				t.Fatal(err)
			}
			w := newClient(t, conn)
			w.send("GET / HTTP/1.1\r\nHost: x\r\n" + lines(c.fields) + "\r\n")
			w.want("GET", 200, want)
			conn.Close()
		}
	}
}

// TestRemoteAddrOfAClientThatHasLeft: a client that resets its connection behind its request
// escapes no limit by address.
func TestRemoteAddrOfAClientThatHasLeft(t *testing.T) {
	got := make(chan netip.AddrPort, 1)
	read, left := make(chan struct{}), make(chan struct{})
	srv := &Server{}
	srv.Handle("POST /login", func(req *Request, resp *Response) Status {
		close(read)
		<-left
		got <- req.RemoteAddr()
		return 204
	}, Blocking)
	w := dial(t, serveTest(t, srv))
	w.send("POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
	<-read
	w.reset()
	close(left)
	if a := <-got; a.String() != w.c.LocalAddr().String() {
		t.Errorf("%v, want %v", a, w.c.LocalAddr())
	}
}
