package lwan

import (
	"bytes"
	"net/netip"

	"github.com/golwan/golwan/lwan/internal/message"
)

// What trusted proxies say of the clients behind them. X-Forwarded-For and -Proto are lists, each
// over all of its lines, to which every proxy adds at the end:
//
//	X-Forwarded-For:   forged, 203.0.113.7, 10.0.0.2        the peer is 10.0.0.3
//	X-Forwarded-Proto: https,  https,       http
//	                           ▲            ▲ from 10.0.0.3, which is trusted: its client is 10.0.0.2
//	                           │ 10.0.0.2 says so, which is trusted: its client is 203.0.113.7
//	                           what stands before that was written by a stranger
//
// So both are read from the end, and only as far as the writer of each element is trusted.

// Scheme is "https" when the connection is encrypted, or a trusted proxy (Server.TrustedProxies,
// Endpoint.TrustPeers) says in X-Forwarded-Proto that its client's is; else "http". Of several
// elements the one counts that belongs to the address that RemoteAddr returns; the first, if there
// are fewer.
func (r *Request) Scheme() string {
	r.mustLive()
	if scheme, ok := schemeKey.Get(r); ok {
		return scheme
	}
	if r.TLS() != nil {
		return "https"
	}
	if r.fromTrustedProxy() {
		_, hops := r.forwardedFor(r.address())
		if message.EqualFold(r.forwardedProto(hops), "https") {
			return "https"
		}
	}
	return "http"
}

// RemoteAddr is the client's address, which stays known when the client has left. Behind a trusted
// proxy (Server.TrustedProxies, Endpoint.TrustPeers) it is the last address of X-Forwarded-For that
// is not a trusted proxy's itself; where an element is no address, it is that of the proxy that
// says so. It has no zone, IPv4 is never in the form of IPv6, and the port is 0 where none is
// known. Invalid: on a unix socket, unless a proxy there is trusted. What middleware has said with
// SetRemoteAddr goes before all of this.
func (r *Request) RemoteAddr() netip.AddrPort {
	r.mustLive()
	if a, ok := remoteAddrKey.Get(r); ok {
		return a
	}
	peer := r.address()
	if !r.trusts(peer) {
		return peer
	}
	client, _ := r.forwardedFor(peer)
	return client
}

// PeerAddr is the address of who has sent the request here: the client itself, or the last proxy on
// the way. trusted: it is a proxy that is believed (Server.TrustedProxies, Endpoint.TrustPeers), so
// what its fields say of the client counts. It has no zone, IPv4 is never in the form of IPv6, and
// it is invalid on a unix socket.
func (r *Request) PeerAddr() (peer netip.AddrPort, trusted bool) {
	r.mustLive()
	peer = r.address()
	return peer, r.trusts(peer)
}

func (r *Request) fromTrustedProxy() bool { return r.trusts(r.address()) }

// trusts reports whether the peer is a trusted proxy.
func (r *Request) trusts(peer netip.AddrPort) bool {
	trusted := r.table.core.srv.TrustedProxies
	return len(trusted) > 0 && contains(trusted, peer.Addr()) || r.trusted
}

func contains(prefixes []netip.Prefix, a netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// forwardedFor walks X-Forwarded-For from its trusted end. It returns the client, and how many
// elements behind that were written of trusted proxies. What stands before the first address that
// is not trusted is not looked at, however much it is. An empty element is none that may be passed
// over: a proxy that knows no address has written it.
func (r *Request) forwardedFor(peer netip.AddrPort) (client netip.AddrPort, hops int) {
	client = peer
	list := r.backward(message.XForwardedFor)
	for {
		element, more := list.previous()
		if !more {
			return client, hops
		}
		next, ok := forwardedAddr(element)
		if !ok {
			return client, hops
		}
		client = next
		if !contains(r.table.core.srv.TrustedProxies, client.Addr()) {
			return client, hops
		}
		hops++
	}
}

// forwardedProto is the element of X-Forwarded-Proto behind which there are so many; the first, if
// there are fewer.
func (r *Request) forwardedProto(hops int) (proto []byte) {
	list := r.backward(message.XForwardedProto)
	for ; hops >= 0; hops-- {
		element, more := list.previous()
		if !more {
			break
		}
		proto = element
	}
	return proto
}

// forwardedAddr reads an element of X-Forwarded-For, an address with or without a port. One that
// nobody can have is none; and a zone, which may be any text and at best names an interface of
// somebody else's machine, is left out.
func forwardedAddr(element []byte) (netip.AddrPort, bool) {
	var client netip.AddrPort
	var err error
	text, n := alias(element), len(element)
	switch {
	case n == 0:
		return client, false
	case text[0] == '[' && text[n-1] != ']', bytes.Count(element, colon) == 1:
		client, err = netip.ParseAddrPort(text)
	default:
		if text[0] == '[' {
			text = text[1 : n-1]
		}
		var a netip.Addr
		a, err = netip.ParseAddr(text)
		client = netip.AddrPortFrom(a, 0)
	}
	a := client.Addr().Unmap().WithZone("")
	if err != nil || a.IsUnspecified() || a.IsMulticast() {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(a, client.Port()), true
}

var colon = []byte(":")
