//go:build linux

package lwan

import (
	"crypto/tls"
	"net"
	"strings"
	"testing"
)

// TestReadsOfTLS: what is read behind a wait comes record by record, and not byte by byte.
func TestReadsOfTLS(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		cert := authority().issue(t, certSpec{name: "b", ips: []net.IP{net.IPv4(127, 0, 0, 1)}})
		ln, err := tls.Listen("tcp", "127.0.0.1:0",
			&tls.Config{Certificates: []tls.Certificate{cert}})
		if err != nil {
			t.Fatal(err)
		}
		backendOf(t, ln, nil)
		d := &Dialer{Address: ln.Addr().String(), TLS: &tls.Config{RootCAs: authority().pool()}}
		srv := &Server{Loops: 1}
		srv.Handle("GET /", func(req *Request, resp *Response) Status {
			c, err := d.Get(req)
			if err != nil {
				return resp.Fail(err)
			}
			want := strings.Repeat("0123456789", 10_000) + "\n"
			if _, err := c.Write([]byte(want)); err != nil {
				return resp.Fail(err)
			}
			got, reads := "", 0
			var buf [16 << 10]byte
			for len(got) < len(want) {
				if err := c.Wait(0); err != nil {
					return resp.Fail(err)
				}
				n, err := c.Read(buf[:])
				if err != nil {
					return resp.Fail(err)
				}
				got += string(buf[:n])
				reads++
			}
			if got != want || reads > 1000 { // records may be small
				t.Errorf("%d bytes of %d in %d reads", len(got), len(want), reads)
			}
			c.Keep()
			return 204
		}, mw...)
		if got := plainGet(t, "http://"+serveTest(t, srv)+"/"); got != "204 " {
			t.Error(got)
		}
	})
}
