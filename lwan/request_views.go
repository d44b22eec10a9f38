package lwan

import (
	"bytes"
	"unsafe"
)

// view is the bytes of a string that is a view itself.
func view(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// lend marks that the handler holds views of the request's bytes.
func (r *Request) lend(s string) []byte {
	r.aliased = true
	return view(s)
}

// PathBytes is Path without a copy, with a NUL in place of each slash that was sent encoded. It is
// valid until the handler returns.
func (r *Request) PathBytes() []byte { r.mustLive(); return r.lend(r.path) }

// HostBytes is the host that the request is for, in lower case, without its port and without the
// dot that may end a name; empty if the client has sent none. It is valid until the handler
// returns.
func (r *Request) HostBytes() []byte {
	r.mustLive()
	r.aliased = true
	return hostName(r.head.Authority.Of(r.buf))
}

// hostName brings an authority without userinfo into the form in which hosts are compared (RFC 3986
// section 3.2.2). It is a view, but of a name in capitals.
func hostName(authority []byte) []byte {
	host := authority
	if i := bytes.LastIndexByte(host, ':'); i >= 0 && bytes.IndexByte(host[i:], ']') < 0 {
		host = host[:i]
	}
	if n := len(host); n > 1 && host[n-1] == '.' {
		host = host[:n-1]
	}
	for _, c := range host {
		if 'A' <= c && c <= 'Z' {
			return bytes.ToLower(host)
		}
	}
	return host
}

// QueryBytes is Query without a copy, and whether there is such a parameter. It is valid until the
// handler returns.
func (r *Request) QueryBytes(name string) (value []byte, ok bool) {
	r.mustLive()
	v, ok := r.queryPairs().find(name)
	return r.lend(v), ok
}

// CookieBytes is Cookie without a copy, and whether there is such a cookie. It is valid until the
// handler returns.
func (r *Request) CookieBytes(name string) (value []byte, ok bool) {
	r.mustLive()
	v, ok := r.cookiePairs().find(name)
	return r.lend(v), ok
}
