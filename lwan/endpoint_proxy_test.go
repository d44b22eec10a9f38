package lwan

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// heads of the PROXY protocol, with the address that they announce; "": none.
var proxyHeads = map[string]string{
	"PROXY TCP4 192.0.2.7 198.51.100.1 7 80\r\n":                                             "192.0.2.7:7",
	"PROXY TCP6 2001:db8::7 2001:db8::1 7 80\r\n":                                            "[2001:db8::7]:7",
	"PROXY TCP6 ::ffff:192.0.2.7 2001:db8::1 7 8\r\n":                                        "192.0.2.7:7",
	"PROXY UNKNOWN\r\n":                                                                      "",
	"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x07\xc6\x33\x64\x01\x00\x07\x00\x50": "192.0.2.7:7",
	"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00":                                                 "",
}

// loopback is who is believed in these tests.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// tellAddrs answers with who has sent the request, and who is behind that.
func tellAddrs(req *Request, resp *Response) Status {
	peer, trusted := req.PeerAddr()
	return resp.Text(200, fmt.Sprint(peer, " ", trusted, " ", req.RemoteAddr()))
}

// headed is a client whose connections begin with a header.
func headed(t testing.TB, addr net.Addr, head string, cfg *tls.Config, v Protocols) *http.Client {
	c := secureClient(t, addr, cfg, v)
	c.Transport.(*http.Transport).DialContext = func(
		ctx context.Context, _, _ string,
	) (net.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, addr.Network(), addr.String())
		if err != nil {
			return nil, err
		}
		_, err = io.WriteString(conn, head)
		return conn, err
	}
	return c
}

// TestEndpointProxy: the client is whom a trusted proxy announces, whatever is spoken behind the
// header, and on every request of the connection.
func TestEndpointProxy(t *testing.T) {
	srv := &Server{}
	srv.Handle("/", tellAddrs)
	srv.Handle("/blocking", tellAddrs, Blocking)
	addrs := serveSecure(t, srv, Endpoint{Proxy: loopback, Protocols: HTTP1 | HTTP2},
		Endpoint{Proxy: loopback, Certs: certFor(t, "site")})
	for head, want := range proxyHeads {
		for _, tt := range []struct {
			at      int
			url     string
			version Protocols
		}{
			{0, "http://site", HTTP1}, {0, "http://site", HTTP2},
			{1, "https://site", HTTP1}, {1, "https://site", HTTP2},
		} {
			c := headed(t, addrs[tt.at], head, clientTLS(), tt.version)
			for _, path := range []string{"/", "/blocking", "/"} {
				_, got := fetch(t, c, tt.url+path)
				if want != "" && got != want+" false "+want ||
					want == "" && !strings.HasPrefix(got, "127.0.0.1:") {
					t.Errorf("%q, %s, %v: %q", head, tt.url+path, tt.version, got)
				}
			}
			c.CloseIdleConnections()
		}
	}
}

// TestEndpointProxyForwarded: X-Forwarded-For is believed by whom is announced, not by who announces.
func TestEndpointProxyForwarded(t *testing.T) {
	srv := &Server{TrustedProxies: append([]netip.Prefix{
		netip.MustParsePrefix("192.0.2.0/24")}, loopback...)}
	srv.Handle("/", tellAddrs)
	addr := serveSecure(t, srv, Endpoint{Proxy: loopback})[0]
	for announced, want := range map[string]string{
		"192.0.2.7":    "192.0.2.7:7 true 203.0.113.9:0",
		"198.51.100.7": "198.51.100.7:7 false 198.51.100.7:7",
	} {
		c := headed(t, addr, "PROXY TCP4 "+announced+" 127.0.0.1 7 80\r\n", nil, HTTP1)
		req, err := http.NewRequestWithContext(t.Context(), "GET", "http://site/", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Forwarded-For", "203.0.113.9")
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(text) != want {
			t.Errorf("%s: %q, %v", announced, text, err)
		}
	}
}

// TestEndpointProxyStrangers: others need no header, and their own is a bad request.
func TestEndpointProxyStrangers(t *testing.T) {
	srv := &Server{}
	srv.Handle("/", tellAddrs)
	elsewhere := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	addrs := serveSecure(t, srv, Endpoint{Proxy: elsewhere},
		Endpoint{Proxy: elsewhere, Certs: certFor(t, "site")})
	if _, got := fetch(t, secureClient(t, addrs[0], nil, HTTP1), "http://site/"); !strings.HasPrefix(
		got, "127.0.0.1:") {
		t.Errorf("%q", got)
	}
	if _, got := fetch(t, secureClient(t, addrs[1], clientTLS(), HTTP1),
		"https://site/"); !strings.HasPrefix(got, "127.0.0.1:") {
		t.Errorf("%q", got)
	}
	for head := range proxyHeads {
		conn := dialProxied(t, addrs[0], head+"GET / HTTP/1.1\r\nHost: site\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Errorf("%q: %v", head, err)
			continue
		}
		resp.Body.Close()
		if resp.StatusCode != 400 {
			t.Errorf("%q: %d", head, resp.StatusCode)
		}
	}
}

// dialProxied connects, and says something.
func dialProxied(t testing.TB, addr net.Addr, say string) net.Conn {
	t.Helper()
	conn, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, say); err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestEndpointProxyWithout: a trusted proxy that sends no header, or a wrong one, is cut off without
// an answer, and no request of it is served.
func TestEndpointProxyWithout(t *testing.T) {
	srv := &Server{}
	srv.Handle("/", func(_ *Request, resp *Response) Status {
		t.Error("a request was served")
		return resp.Text(200, "")
	})
	addrs := serveSecure(t, srv, Endpoint{Proxy: loopback},
		Endpoint{Proxy: loopback, Certs: certFor(t, "site")})
	const request = "GET / HTTP/1.1\r\nHost: site\r\n\r\n"
	for _, say := range []string{
		request, "PROXY TCP4 192.0.2.7 198.51.100.1 7\r\n" + request,
		"PROXY TCP4 192.0.2.7 198.51.100.1 7 80\n" + request,
		"PROXY UNKNOWN" + strings.Repeat(" ", 100) + "\r\n" + request,
		"\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff" + request, "\x16\x03\x01\x00\x01\x01",
	} {
		for _, addr := range addrs {
			conn := dialProxied(t, addr, say)
			if b, err := io.ReadAll(conn); len(b) > 0 || isTimeout(err) {
				t.Errorf("%q: %q, %v", say, b, err)
			}
		}
	}
}

// TestEndpointProxyOnUnixSockets: whoever gets there is believed.
func TestEndpointProxyOnUnixSockets(t *testing.T) {
	srv := &Server{}
	srv.Handle("/", tellAddrs)
	path := filepath.Join(t.TempDir(), "s")
	addr := serveSecure(t, srv, Endpoint{Addr: "unix:" + path, Proxy: loopback})[0]
	for head, want := range map[string]string{
		"PROXY TCP4 192.0.2.7 198.51.100.1 7 80\r\n": "192.0.2.7:7 false 192.0.2.7:7",
		"PROXY UNKNOWN\r\n":                          "invalid AddrPort false invalid AddrPort",
	} {
		if _, got := fetch(t, headed(t, addr, head, nil, HTTP1), "http://site/"); got != want {
			t.Errorf("%q: %q", head, got)
		}
	}
	conn := dialProxied(t, addr, "GET / HTTP/1.1\r\nHost: site\r\n\r\n")
	if b, err := io.ReadAll(conn); len(b) > 0 || isTimeout(err) {
		t.Errorf("without a header: %q, %v", b, err)
	}
}

// TestEndpointProxyPerAddr: the announced address is counted.
func TestEndpointProxyPerAddr(t *testing.T) {
	srv := &Server{MaxConnsPerAddr: 1}
	srv.Handle("/", tellAddrs)
	addr := serveSecure(t, srv, Endpoint{Proxy: loopback})[0]
	ask := func(from string) (net.Conn, int) {
		conn := dialProxied(t, addr,
			"PROXY TCP4 "+from+" 127.0.0.1 7 80\r\nGET / HTTP/1.1\r\nHost: site\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return conn, resp.StatusCode
	}
	first, status := ask("192.0.2.1")
	if status != 200 {
		t.Errorf("the first: %d", status)
	}
	if _, status = ask("192.0.2.2"); status != 200 {
		t.Errorf("another one: %d", status)
	}
	if _, status = ask("192.0.2.1"); status != 503 {
		t.Errorf("the same again: %d", status)
	}
	first.Close()
	settledNow(t, func() bool {
		conn, status := ask("192.0.2.1")
		conn.Close()
		return status == 200
	})
	settledNow(t, func() bool { return srv.Stats().Rejected > 0 })
}

// TestEndpointProxyChecked: what makes no sense is refused at the start.
func TestEndpointProxyChecked(t *testing.T) {
	for _, tt := range []struct {
		end  Endpoint
		want string
	}{
		{Endpoint{Proxy: loopback, TrustPeers: true}, "exclude each other"},
		{Endpoint{Proxy: []netip.Prefix{{}}}, "a network that is none"},
		{Endpoint{Proxy: []netip.Prefix{netip.MustParsePrefix("::ffff:10.0.0.0/104")}}, "as IPv4"},
		{Endpoint{Proxy: loopback}, ""},
		{Endpoint{Proxy: []netip.Prefix{}, TrustPeers: true}, ""},
	} {
		if err := tt.end.Check(); (err == nil) != (tt.want == "") ||
			err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v", tt.end, err)
		}
		if tt.want == "" {
			continue
		}
		tt.end.Addr = "127.0.0.1:0"
		srv := &Server{Endpoints: []Endpoint{tt.end}}
		if err := srv.ListenAndServe(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v starts: %v", tt.end, err)
		}
	}
}
