// Package proxyprotocol writes the heads of the PROXY protocol, versions 1 and 2, which tell a
// server who the client is that a proxy stands for.
package proxyprotocol

import (
	"encoding/binary"
	"net/netip"
	"strconv"
)

const signature = "\r\n\r\n\x00\r\nQUIT\n"

// AppendV1 appends a head in text. Addresses that are not both IPv4 or both IPv6 make it UNKNOWN,
// as for clients on a unix socket.
func AppendV1(dst []byte, client, server netip.AddrPort) []byte {
	c, s, family := addresses(client, server)
	if family == 0 {
		return append(dst, "PROXY UNKNOWN\r\n"...)
	}
	dst = append(dst, "PROXY TCP"...)
	dst = append(strconv.AppendInt(dst, int64(family), 10), ' ')
	dst = append(c.AppendTo(dst), ' ')
	dst = append(s.AppendTo(dst), ' ')
	dst = append(strconv.AppendUint(dst, uint64(client.Port()), 10), ' ')
	return append(strconv.AppendUint(dst, uint64(server.Port()), 10), "\r\n"...)
}

// AppendV2 appends a head in binary. Addresses that are not of one family make it one without them.
func AppendV2(dst []byte, client, server netip.AddrPort) []byte {
	const (
		version2 = 2 << 4
		proxy    = version2 | 1
		tcp      = 1
	)
	dst = append(dst, signature...)
	c, s, family := addresses(client, server)
	switch family {
	case 4:
		dst = append(dst, proxy, 1<<4|tcp, 0, 2*4+4)
	case 6:
		dst = append(dst, proxy, 2<<4|tcp, 0, 2*16+4)
	default:
		return append(dst, proxy, 0, 0, 0)
	}
	dst = append(append(dst, c.AsSlice()...), s.AsSlice()...)
	dst = binary.BigEndian.AppendUint16(dst, client.Port())
	return binary.BigEndian.AppendUint16(dst, server.Port())
}

// addresses brings both into one family: 4, 6, or 0 if there is none.
func addresses(client, server netip.AddrPort) (c, s netip.Addr, family int) {
	c, s = client.Addr().Unmap().WithZone(""), server.Addr().Unmap().WithZone("")
	switch {
	case !c.IsValid() || !s.IsValid():
		return c, s, 0
	case c.Is4() && s.Is4():
		return c, s, 4
	}
	return netip.AddrFrom16(c.As16()), netip.AddrFrom16(s.As16()), 6
}
