package gateway

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// TestProxyProtocolBothWays: what a proxy says of its client is what a server behind it believes,
// also of a client that another proxy has announced.
func TestProxyProtocolBothWays(t *testing.T) {
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	back := &lwan.Server{Loops: 1, Endpoints: []lwan.Endpoint{{Proxy: loopback}}}
	back.Handle("/", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, req.RemoteAddr().String()+" "+req.Header("X-Forwarded-For"))
	})
	address := strings.TrimPrefix(lwantest.Start(t, back).URL, "http://")
	for _, version := range []int{1, 2} {
		s := serveProxy(t, ProxyConfig{
			Common:        Common{To: &Group{Backends: []Backend{{Address: address}}}},
			ProxyProtocol: version,
		}, func(srv *lwan.Server) { srv.Endpoints = []lwan.Endpoint{{Proxy: loopback}} })
		for announced, want := range map[string]string{
			"TCP4 192.0.2.7 127.0.0.1 7 80":    "192.0.2.7:7 192.0.2.7",
			"TCP6 2001:db8::7 2001:db8::1 7 8": "[2001:db8::7]:7 2001:db8::7",
		} {
			c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			send(c, "PROXY "+announced+"\r\nGET / HTTP/1.0\r\n\r\n")
			got := readAll(c)
			c.Close()
			if !strings.HasPrefix(got, "HTTP/1.") || !strings.HasSuffix(got, "\r\n\r\n"+want) {
				t.Errorf("version %d, %s: %q", version, announced, got)
			}
		}
	}
}
