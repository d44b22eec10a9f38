package nethttp

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// The two ends: Call as its own Peer.

// Peer implements transport.Stream.
func (c *Call) Peer() transport.Peer { return c }

// TLS implements transport.Peer.
func (c *Call) TLS() *tls.ConnectionState { return c.r.TLS }

// Endpoint implements transport.Peer.
func (c *Call) Endpoint() int { return 0 }

// Take implements transport.Stream: there is no loop that could go on.
func (c *Call) Take(*transport.Answer, []byte) (transport.Pipe, transport.Form, []byte, error) {
	return nil, 0, nil, transport.ErrNotHere
}

// Addr implements transport.Peer: the address that r has: middleware may have set one without a
// port. It is invalid for a unix socket.
func (c *Call) Addr() netip.AddrPort {
	if ap, err := netip.ParseAddrPort(c.r.RemoteAddr); err == nil {
		return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
	}
	a, err := netip.ParseAddr(c.r.RemoteAddr)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a.Unmap().WithZone(""), 0)
}

// Local implements transport.Peer.
func (c *Call) Local() netip.AddrPort {
	addr, ok := c.r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	return addr.AddrPort()
}
