package lwan

import (
	"bytes"
	"net/textproto"
	"strings"

	"github.com/golwan/golwan/lwan/internal/message"
)

// Cookie is the value of the first cookie of that name; "" if there is none. Double quotes around a
// value are no part of it. Names are case-sensitive. Cookies are read as net/http.Request.Cookie
// reads them: one whose name is no token, or whose value has bytes that a Set-Cookie could not have
// set (RFC 6265 section 4.1.1, but for space and comma), is ignored. So are cookies beyond
// Limits.Cookies.
//
// The value is what the client claims: it proves nothing unless it is signed or looked up.
func (r *Request) Cookie(name string) string {
	r.mustLive()
	value, _ := r.cookiePairs().find(name)
	return strings.Clone(value)
}

// cookiePairs reads the Cookie fields on its first call. A client should send one field only (RFC
// 6265 section 5.4); an intermediary from HTTP/2 may have left several (RFC 9113 section 8.2.3).
func (r *Request) cookiePairs() *pairs {
	p := &r.cookies
	if p.made {
		return p
	}
	p.made = !r.over()
	left := r.limits.Cookies
	for i := range r.head.Fields {
		if f := &r.head.Fields[i]; f.Known == message.Cookie {
			left = p.addCookies(f.Value.Of(r.buf), left)
		}
	}
	return p
}

// addCookies adds the cookies of a field value, of which it looks at limit at most; it returns what
// is left of the limit.
func (p *pairs) addCookies(line []byte, limit int) int {
	for len(line) > 0 && limit > 0 {
		var part []byte
		part, line, _ = bytes.Cut(line, semicolon)
		if part = textproto.TrimBytes(part); len(part) == 0 {
			continue
		}
		limit--
		name, value, _ := bytes.Cut(part, equals)
		name = textproto.TrimBytes(name)
		if value, ok := cookieValue(value); ok && message.ValidName(alias(name)) {
			p.list = append(p.list, pair{alias(name), alias(value)})
		}
	}
	return limit
}

var semicolon, equals = []byte(";"), []byte("=")

// cookieValue takes the quotes off; false: a byte that has no place in a cookie.
func cookieValue(b []byte) ([]byte, bool) {
	if n := len(b); n > 1 && b[0] == '"' && b[n-1] == '"' {
		b = b[1 : n-1]
	}
	for _, c := range b {
		if c < ' ' || c > '~' || c == '"' || c == ';' || c == '\\' {
			return nil, false
		}
	}
	return b, true
}
