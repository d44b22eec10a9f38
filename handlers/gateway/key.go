package gateway

import (
	"net/netip"

	"github.com/golwan/golwan/lwan"
)

// Key is what Hash is made of. A request with "" is balanced by LeastConns. It is called where the
// handler runs, which is a loop, and must not block.
type Key func(req *lwan.Request) string

// KeyURI is the host and the routed path.
func KeyURI(req *lwan.Request) string { return req.Host() + req.Path() }

// KeyClient is the client's address without the port; the /64 of an IPv6 one, of which a client has
// all addresses.
func KeyClient(req *lwan.Request) string {
	a := req.RemoteAddr().Addr()
	switch {
	case !a.IsValid():
		return ""
	case a.Is6():
		return netip.PrefixFrom(a, 64).Masked().String()
	}
	return a.String()
}

// KeyHeader is a field's value.
func KeyHeader(name string) Key {
	return func(req *lwan.Request) string { return req.Header(name) }
}

// KeyCookie is a cookie's value.
func KeyCookie(name string) Key {
	return func(req *lwan.Request) string { return req.Cookie(name) }
}

// wishOf is what a request wants of the group.
func (p *pool) wishOf(req *lwan.Request) (w wish) {
	if p.group.Balance == Hash {
		key := p.group.Key
		if key == nil {
			key = KeyURI
		}
		w.key = key(req)
		w.hashed = w.key != ""
	}
	if p.group.Cookie != "" {
		w.mark = req.Cookie(p.group.Cookie)
	}
	return w
}
