package router

import "strings"

// foldHost brings a pattern's or a request's host into the one form that is compared: lower case, because hosts are
// case-insensitive (RFC 9110, section 4.2.3), and without the brackets of an IPv6 literal, because a request may
// write them with a port or without one.
func foldHost(host string) string {
	if n := len(host); n > 2 && host[0] == '[' && strings.IndexByte(host, ']') == n-1 {
		host = host[1 : n-1]
	}
	for i := range len(host) {
		if 'A' <= host[i] && host[i] <= 'Z' {
			return strings.Map(lowerASCII, host)
		}
	}
	return host
}

func lowerASCII(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		return r + ('a' - 'A')
	}
	return r
}

// stripPort drops ":port" from a Host field. What is not host:port (no colon, an IPv6 literal without brackets,
// stray brackets) comes back as it is.
func stripPort(host string) string {
	colon := strings.LastIndexByte(host, ':')
	if colon < 0 {
		return host
	}
	name := host[:colon]
	if strings.HasPrefix(host, "[") {
		if strings.IndexByte(host, ']') == colon-1 && strings.LastIndexByte(name, '[') == 0 {
			return name
		}
		return host
	}
	if strings.ContainsAny(name, ":[]") || strings.ContainsAny(host[colon:], "[]") {
		return host
	}
	return name
}

// hostOf is the host that patterns are compared with. CONNECT names an authority (RFC 9110, section 9.3.6), so its
// port is part of it; elsewhere the port says nothing about the route.
func hostOf(method, host string) string {
	if method != "CONNECT" {
		host = stripPort(host)
	}
	return foldHost(host)
}
