package handlers

import (
	"errors"
	"net/netip"
	"slices"
	"strings"

	"github.com/golwan/golwan/lwan"
)

// RealIPConfig says which proxies are believed, and what they say.
type RealIPConfig struct {
	// From are the proxies' networks; must be set. Whoever is in none of them is the client itself,
	// whatever the field says.
	From []netip.Prefix

	// Header is "X-Forwarded-For" (""), "Forwarded" (RFC 7239), or a field that has one address, as
	// "X-Real-IP": which one the proxies set, or a client's own is believed.
	Header string
}

// RealIP makes Request.RemoteAddr the client's address behind proxies that are known: for a group
// or a site what Server.TrustedProxies is for the whole server. A list is read from its end, where
// the nearest proxy has written, up to the first address that is none of the proxies. What is no
// address ends the reading: the proxy that wrote it counts. Request.Scheme is not changed.
func RealIP(c RealIPConfig) (lwan.Middleware, error) {
	if len(c.From) == 0 {
		return nil, errors.New("RealIPConfig.From is empty")
	}
	read := singleAddress
	switch name := strings.ToLower(c.Header); name {
	case "":
		c.Header = "X-Forwarded-For"
		read = forwardedForList
	case "x-forwarded-for":
		read = forwardedForList
	case "forwarded":
		read = forwardedList
	default:
		if err := checkFieldName(c.Header); err != nil {
			return nil, err
		}
	}
	return func(next lwan.Handler) lwan.Handler {
		return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			peer := req.RemoteAddr()
			if client := c.client(peer, read, req); client != peer {
				req.SetRemoteAddr(client)
			}
			return next(req, resp)
		}
	}, nil
}

// client walks from the peer to the first who is no proxy.
func (c *RealIPConfig) client(
	peer netip.AddrPort, read func(field string) []string, req *lwan.Request,
) netip.AddrPort {
	if !c.believes(peer) {
		return peer
	}
	list := read(req.Header(c.Header))
	client := peer
	for _, element := range slices.Backward(list) {
		next, ok := clientAddress(element)
		if !ok {
			break
		}
		if client = next; !c.believes(client) {
			break
		}
	}
	return client
}

func (c *RealIPConfig) believes(a netip.AddrPort) bool {
	return slices.ContainsFunc(c.From,
		func(p netip.Prefix) bool { return p.Contains(a.Addr().Unmap()) })
}

// singleAddress is a list of one; none if there is no field.
func singleAddress(field string) []string {
	if field == "" {
		return nil
	}
	return []string{field}
}

func forwardedForList(field string) []string {
	if field == "" {
		return nil
	}
	return strings.Split(field, ",")
}

// forwardedList is the "for" of each element (RFC 7239 section 4); "" where there is none.
func forwardedList(field string) (list []string) {
	if field == "" {
		return nil
	}
	for _, element := range splitQuoted(field, ',') {
		node := ""
		for _, pair := range splitQuoted(element, ';') {
			name, value, _ := strings.Cut(pair, "=")
			if strings.EqualFold(strings.TrimSpace(name), "for") {
				node = unquote(strings.TrimSpace(value))
			}
		}
		list = append(list, node)
	}
	return list
}

// splitQuoted splits at sep, but not inside of quoted strings (RFC 9110 section 5.6.4).
func splitQuoted(s string, sep byte) (list []string) {
	begin, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == sep && !quoted:
			list = append(list, s[begin:i])
			begin = i + 1
		}
	}
	return append(list, s[begin:])
}

func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	return strings.ReplaceAll(s[1:len(s)-1], `\`, "")
}

// clientAddress reads an address, with or without a port, that a client can have. A zone names an
// interface of somebody else's: it is left out.
func clientAddress(s string) (netip.AddrPort, bool) {
	s = strings.TrimSpace(s)
	client, err := netip.ParseAddrPort(s)
	if err != nil {
		var a netip.Addr
		if inner, ok := strings.CutPrefix(s, "["); ok {
			s = strings.TrimSuffix(inner, "]")
		}
		if a, err = netip.ParseAddr(s); err != nil {
			return netip.AddrPort{}, false
		}
		client = netip.AddrPortFrom(a, 0)
	}
	a := client.Addr().Unmap().WithZone("")
	if a.IsUnspecified() || a.IsMulticast() {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(a, client.Port()), true
}
