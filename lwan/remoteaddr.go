package lwan

import "net/netip"

// remoteAddrKey has what SetRemoteAddr was told.
var remoteAddrKey = NewKey[netip.AddrPort]("remote address")

// SetRemoteAddr makes a what RemoteAddr returns from now on, for middleware that knows better who
// the client is, as from a field that a CDN signs. Middleware inside of it, the handler,
// conditions, limits and logs see it; the connection's own limits (MaxConnsPerAddr) do not.
func (r *Request) SetRemoteAddr(a netip.AddrPort) {
	r.mustLive()
	remoteAddrKey.Set(r, a)
}
