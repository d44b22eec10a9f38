package proxyhead

import (
	"encoding/binary"
	"hash/crc32"
	"net/netip"
)

// Of version 2, in which each of two bytes has two halves (section 2.2):
//
//	signature, 12 bytes
//	0x2 | command         0: LOCAL, the proxy's own; 1: PROXY
//	family | transport    0: unspecified, 1: IPv4, 2: IPv6, 3: unix
//	                      0: unspecified, 1: stream, 2: datagram
//	length, 2 bytes       of all that follows: addresses, ports, extensions
const (
	version2 = 0x2
	local    = 0x0
	proxied  = 0x1
	stream   = 0x1

	// extensions are a byte of type, two of length, and their value
	typeCRC32C = 0x03
)

// addresses2 is what both addresses take with their ports, by family.
var addresses2 = [4]int{0, 2*4 + 2*2, 2*16 + 2*2, 2 * 108}

// checkFixed looks at what is there of the fixed part.
func checkFixed(b []byte) error {
	if len(b) > 12 {
		switch {
		case b[12]>>4 != version2:
			return errVersion
		case b[12]&0xf > proxied:
			return errCommand
		}
	}
	if len(b) > 13 && (b[13]>>4 > 3 || b[13]&0xf > 2) {
		return errFamily
	}
	return nil
}

// parse2 reads version 2; its fixed part is there.
func parse2(b []byte) (client netip.AddrPort, n int, err error) {
	if err := checkFixed(b); err != nil {
		return client, 0, err
	}
	n = fixed2 + length2(b)
	switch {
	case n > MaxBytes:
		return client, 0, errTooLong
	case len(b) < n:
		return client, 0, nil
	case b[12]&0xf == local: // what else there is does not count
		return client, n, nil
	}
	family, body := b[13]>>4, b[fixed2:n]
	if len(body) < addresses2[family] {
		return client, 0, errShort
	}
	if err := checkExtensions(b[:n], fixed2+addresses2[family]); err != nil {
		return client, 0, err
	}
	if b[13]&0xf != stream {
		return client, n, nil
	}
	switch family {
	case 1:
		a := netip.AddrFrom4([4]byte(body))
		client = netip.AddrPortFrom(a, binary.BigEndian.Uint16(body[2*4:]))
	case 2:
		a := netip.AddrFrom16([16]byte(body)).Unmap()
		client = netip.AddrPortFrom(a, binary.BigEndian.Uint16(body[2*16:]))
	}
	return client, n, nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checkExtensions walks over the extensions of a header, which begin at at. Their lengths have to
// fit, and a checksum, which is over the header with zeros in its place, has to be right.
func checkExtensions(head []byte, at int) error {
	for at < len(head) {
		if len(head)-at < 3 {
			return errShort
		}
		kind, size := head[at], int(binary.BigEndian.Uint16(head[at+1:]))
		if at += 3; len(head)-at < size {
			return errShort
		}
		if kind == typeCRC32C && (size != 4 || !sumFits(head, at)) {
			return errChecksum
		}
		at += size
	}
	return nil
}

func sumFits(head []byte, at int) bool {
	sum := crc32.Update(0, castagnoli, head[:at])
	sum = crc32.Update(sum, castagnoli, make([]byte, 4))
	sum = crc32.Update(sum, castagnoli, head[at+4:])
	return sum == binary.BigEndian.Uint32(head[at:])
}
