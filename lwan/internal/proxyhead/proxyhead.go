// Package proxyhead reads the header of the PROXY protocol, versions 1 and 2, with which a proxy
// begins a connection: it tells who has connected to it
// (https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt). It is a pure codec: bytes in, an
// address out, and nothing is kept of the bytes.
//
// The sender is somebody who may speak for others, so nothing is guessed: what is not a header to
// the letter is an error, and its connection is to be closed (section 2).
package proxyhead

import (
	"encoding/binary"
	"errors"
	"net/netip"
)

// MaxBytes is the longest header that is taken. Version 1 has 107 at most, and version 2 up to 65
// KiB, of which addresses take 52 and the rest is for extensions that nobody here looks at.
const MaxBytes = 4 << 10

var (
	errSignature = errors.New("no header of the PROXY protocol")
	errTooLong   = errors.New("a header of the PROXY protocol of more than 4 KiB")
	errVersion   = errors.New("a version of the PROXY protocol that is neither 1 nor 2")
	errCommand   = errors.New("a command of the PROXY protocol that does not exist")
	errFamily    = errors.New("a family or transport of the PROXY protocol that does not exist")
	errLine      = errors.New("a malformed line of the PROXY protocol")
	errShort     = errors.New("a header of the PROXY protocol that is too short for what it says")
	errChecksum  = errors.New("a header of the PROXY protocol whose checksum is wrong")
)

const (
	signature1 = "PROXY "
	signature2 = "\r\n\r\n\x00\r\nQUIT\n"
	fixed2     = len(signature2) + 4 // of version 2: version, family, length
	shortest   = len("PROXY UNKNOWN\r\n")
)

// Parse reads the header that b begins with. n is its length, and client who has connected to the
// proxy; the zero value if that is not told, as for a connection of the proxy's own: then the
// sender is the client. n is 0 without an error if all of b belongs to a header that goes on.
func Parse(b []byte) (client netip.AddrPort, n int, err error) {
	switch {
	case begins(b, signature1):
		if len(b) < len(signature1) {
			return client, 0, nil
		}
		return parse1(b)
	case begins(b, signature2):
		if len(b) < fixed2 {
			return client, 0, checkFixed(b)
		}
		return parse2(b)
	}
	return client, 0, errSignature
}

// begins reports whether b begins with the signature, or is the beginning of it.
func begins(b []byte, signature string) bool {
	n := min(len(b), len(signature))
	return string(b[:n]) == signature[:n]
}

// Missing is how many bytes are missing of a header of which Parse has said that it goes on: so
// many at least, and never one that does not belong to it.
func Missing(b []byte) int {
	switch {
	case len(b) < shortest:
		return shortest - len(b)
	case b[0] == signature1[0]:
		return 1
	case len(b) < fixed2:
		return fixed2 - len(b)
	}
	return fixed2 + length2(b) - len(b)
}

func length2(b []byte) int { return int(binary.BigEndian.Uint16(b[fixed2-2:])) }
