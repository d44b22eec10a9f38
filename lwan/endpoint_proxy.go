package lwan

import (
	"errors"
	"fmt"
	"net/netip"
)

var errProxyTrust = errors.New("the fields Proxy and TrustPeers exclude each other: the peer is whoever the " +
	"header announces")

// checkProxy finds what is wrong with Endpoint.Proxy.
func (e Endpoint) checkProxy() error {
	for _, p := range e.Proxy {
		switch {
		case !p.IsValid():
			return fmt.Errorf("the field Proxy has a network that is none: %v", p)
		case p.Addr().Is4In6():
			return fmt.Errorf("the field Proxy has %v: write it as IPv4", p)
		}
	}
	if len(e.Proxy) > 0 && e.TrustPeers {
		return errProxyTrust
	}
	return nil
}

// announces reports whether connections of a peer begin with a header of the PROXY protocol. The
// peer is invalid on a unix socket.
func (e Endpoint) announces(peer netip.Addr) bool {
	return len(e.Proxy) > 0 && (!peer.IsValid() || contains(e.Proxy, peer))
}
