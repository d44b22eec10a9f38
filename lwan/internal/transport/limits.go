package transport

import (
	"net/netip"
	"time"
)

// Bounds of a client that still sends behind its last answer, for every protocol and engine. Each
// LingerStep bytes give it LingerTimeout again, LingerPauses times at most, and LingerBytes in all.
const (
	LingerTimeout = 2 * time.Second // the default
	LingerBytes   = 64 << 20        // the default: a refused body is often a few MB too large
	LingerStep    = 16 << 10        // a power of two
	LingerPauses  = 16
)

// CountedAddr is the part of a remote address by which its connections are counted together: an
// IPv4 address, or the 64 bits of an IPv6 one that name a network, since who has one has all of it.
func CountedAddr(a netip.Addr) netip.Addr {
	if a = a.Unmap(); !a.Is6() {
		return a
	}
	p, _ := a.Prefix(64) // no error: 64 bits are there
	return p.Addr()
}
