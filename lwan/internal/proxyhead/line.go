package proxyhead

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"
)

// longest1 is what a line of version 1 has at most, its end included (section 2.1).
const longest1 = 107

// parse1 reads version 1:
//
//	PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n
//	PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n
//	PROXY UNKNOWN\r\n                                      anything may stand before the end
func parse1(b []byte) (client netip.AddrPort, n int, err error) {
	end := bytes.IndexByte(b[:min(len(b), longest1)], '\n')
	switch {
	case end < 0 && len(b) >= longest1:
		return client, 0, errLine
	case end < 0:
		return client, 0, nil
	case b[end-1] != '\r':
		return client, 0, errLine
	}
	line := string(b[len(signature1) : end-1])
	if family, _, _ := strings.Cut(line, " "); family == "UNKNOWN" {
		return client, end + 1, nil
	}
	words := strings.Split(line, " ")
	if len(words) != 5 {
		return client, 0, errLine
	}
	from, ok1 := addr1(words[0], words[1])
	_, ok2 := addr1(words[0], words[2])
	port, ok3 := port1(words[3])
	_, ok4 := port1(words[4])
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return client, 0, errLine
	}
	return netip.AddrPortFrom(from, port), end + 1, nil
}

func addr1(family, text string) (a netip.Addr, ok bool) {
	a, err := netip.ParseAddr(text)
	switch {
	case err != nil || a.Zone() != "":
		return a, false
	case family == "TCP4":
		return a, a.Is4()
	}
	return a.Unmap(), family == "TCP6" && a.Is6()
}

// port1 reads a port in decimal, without a zero in front.
func port1(text string) (uint16, bool) {
	n, err := strconv.ParseUint(text, 10, 16)
	return uint16(n), err == nil && strconv.FormatUint(n, 10) == text
}
