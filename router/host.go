package router

import "strings"

// maxHost is the longest host that can be matched: 255 bytes of name (RFC 1035, section 2.3.4) and
// a port.
const maxHost = 255 + len(":65535")

// foldHost brings a host into the one form that is compared: lower case, because hosts are
// case-insensitive (RFC 9110, section 4.2.3), and without the brackets of an IPv6 literal, because
// a request may write them with a port or without.
func foldHost(host string) string { return string(foldInto(nil, host)) }

// foldInto appends the folded host to dst. What is too long to be a host folds to nothing.
func foldInto(dst []byte, host string) []byte {
	if n := len(host); n > 2 && host[0] == '[' && strings.IndexByte(host, ']') == n-1 {
		host = host[1 : n-1]
	}
	if len(host) > maxHost {
		return dst
	}
	for i := range len(host) {
		c := host[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// stripPort drops ":port" from a Host field. Anything else (no colon, an IPv6 literal without
// brackets, stray brackets) is returned unchanged.
func stripPort(host string) string {
	colon := strings.LastIndexByte(host, ':')
	if colon < 0 {
		return host
	}
	name := host[:colon]
	if strings.HasPrefix(host, "[") {
		if strings.IndexByte(host, ']') == colon-1 && strings.LastIndexByte(host, ']') == colon-1 &&
			strings.LastIndexByte(host, '[') == 0 {
			return name
		}
		return host
	}
	if strings.IndexByte(name, ':') >= 0 || strings.ContainsAny(host, "[]") {
		return host
	}
	return name
}

// hostOf is the part of a request's host that patterns are compared with. CONNECT names an
// authority (RFC 9110, section 9.3.6), so the port is part of it; elsewhere it says nothing about
// the route.
func hostOf(method, host string) string {
	if method == "CONNECT" {
		return host
	}
	return stripPort(host)
}
