package gateway

import (
	"net/netip"
	"strings"
)

// Forwarded says what a backend is told of the client. What the client itself has sent of these
// fields is dropped, unless it is one of Server.TrustedProxies; then the last hop is added to it.
type Forwarded uint8

// What it is told. They can be joined: ForwardedX | ForwardedReal.
const (
	ForwardedX    Forwarded = 1 << iota // X-Forwarded-For, -Proto and -Host
	ForwardedRFC                        // Forwarded: for=;host=;proto= (RFC 7239)
	ForwardedReal                       // X-Real-IP
	ForwardedNone                       // none, and the client's are dropped
	ForwardedKeep                       // the client's are passed on as they are
)

// hop is what is known of the way that a request came here.
type hop struct {
	peer   netip.AddrPort // who has sent it; not valid: it came over a unix socket
	client netip.AddrPort // who has sent it first, as far as proxies are trusted
	host   string
	scheme string // "http" or "https", of the client
	// of the peer's fields; all "" if it is not trusted
	xFor, xHost, forwarded string
}

// appendTo appends the lines of the fields that how asks for.
func (h *hop) appendTo(dst []byte, how Forwarded) []byte {
	if how&ForwardedX != 0 {
		dst = h.appendX(dst)
	}
	if how&ForwardedRFC != 0 {
		dst = append(dst, "Forwarded: "...)
		if h.forwarded != "" {
			dst = append(append(dst, h.forwarded...), ", "...)
		}
		dst = append(h.appendElement(dst), "\r\n"...)
	}
	if a := h.client.Addr(); how&ForwardedReal != 0 && a.IsValid() {
		dst = append(dst, "X-Real-IP: "...)
		dst = append(a.AppendTo(dst), "\r\n"...)
	}
	return dst
}

// appendX appends X-Forwarded-For, to whose elements it adds the peer; X-Forwarded-Proto, which is
// the client's; and X-Forwarded-Host, what the client has asked the first proxy for.
func (h *hop) appendX(dst []byte) []byte {
	dst = append(dst, "X-Forwarded-For: "...)
	if h.xFor != "" {
		dst = append(append(dst, h.xFor...), ", "...)
	}
	if a := h.peer.Addr(); a.IsValid() {
		dst = a.AppendTo(dst)
	} else {
		dst = append(dst, "unknown"...)
	}
	dst = append(dst, "\r\nX-Forwarded-Proto: "...)
	dst = append(dst, h.scheme...)
	dst = append(dst, "\r\n"...)
	host := h.xHost
	if host == "" {
		host = h.host
	}
	if host == "" {
		return dst
	}
	dst = append(dst, "X-Forwarded-Host: "...)
	return append(append(dst, host...), "\r\n"...)
}

// appendElement appends an element of Forwarded (RFC 7239 section 4).
func (h *hop) appendElement(dst []byte) []byte {
	dst = append(dst, "for="...)
	switch a := h.peer.Addr(); {
	case !a.IsValid():
		dst = append(dst, "unknown"...) // section 6.2
	case a.Is4():
		dst = a.AppendTo(dst)
	default: // brackets and colons are no characters of tokens (section 6)
		dst = append(dst, `"[`...)
		dst = append(a.AppendTo(dst), `]"`...)
	}
	if h.host != "" {
		dst = appendQuotable(append(dst, ";host="...), h.host)
	}
	return append(append(dst, ";proto="...), h.scheme...)
}

// appendQuotable appends a token as it is, and else a quoted-string (RFC 9110 section 5.6.4).
func appendQuotable(dst []byte, s string) []byte {
	if strings.IndexFunc(s, func(c rune) bool { return !tokenRune(c) }) < 0 {
		return append(dst, s...)
	}
	dst = append(dst, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, s[i])
	}
	return append(dst, '"')
}

func tokenRune(c rune) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c < 0x80 && strings.ContainsRune("!#$%&'*+-.^_`|~", c)
}
